"""Content that cannot be read: recognised by its first bytes, with what converts it."""

from __future__ import annotations

from nunbit.data.formats.headers import jpeg2000_header

_IMAGEMAGICK = "convert it: magick IN.{} OUT.png"
_RAW = "a camera's raw file ({}) is not read; convert it: dcraw -c -w IN.{} > OUT.ppm"
_DATA = "an array of data, not a picture ({}) is not read: save each picture as PNG or TIFF"

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"SIMPLE  =", "format FITS is not read; convert it: fitspng -o OUT.png IN.fits"),
    (b"\x89HDF\r\n\x1a\n", "a data file (HDF5, MATLAB 7.3) is not read: save each of its pictures "
     "as PNG or TIFF, with h5py and Pillow"),
    (b"\x93NUMPY", "a NumPy array is not read as a picture: save each as PNG with "
     "PIL.Image.fromarray, or give all as one .npz"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file is not read: save each of its pictures as PNG, with "
     "scipy.io.loadmat and Pillow"),
    (b"PK\x03\x04", "a zip archive is not an image: unpack it: unzip FILE"),
    (b"\x1f\x8b", "compressed with gzip: unpack it: gunzip FILE (a .nii.gz is a NIfTI volume: "
     "save its slices as PNG or TIFF, with nibabel and Pillow)"),
    (b"Rar!", "a RAR archive is not an image: unpack it: unrar x FILE"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive is not an image: unpack it: 7z x FILE"),
    (b"%PDF-", "a PDF document is not read; convert it: pdftoppm -png IN.pdf OUT"),
    (b"%!PS", "PostScript is not read; convert it: gs -sDEVICE=png16m -o OUT.png IN.eps"),
    (b"\xc5\xd0\xd3\xc6", "PostScript is not read; convert it: gs -sDEVICE=png16m -o OUT.png "
     "IN.eps"),
    (b"8BPS", "format Photoshop (PSD) is not read; " + _IMAGEMAGICK.format("psd")),
    (b"FUJIFILMCCD-RAW", _RAW.format("Fujifilm", "raf")),
    (b"IIRO", _RAW.format("Olympus", "orf")),
    (b"IIU\x00", _RAW.format("Panasonic", "rw2")),
    (b"IIRS", _RAW.format("Olympus", "orf")),
    (b"FOVb", _RAW.format("Sigma", "x3f")),
    (b"\x00MRM", _RAW.format("Minolta", "mrw")),
    (b"II\xbc", "format JPEG XR is not read; convert it: JxrDecApp -i IN.jxr -o OUT.tif"),
    (b"\x76\x2f\x31\x01", "format OpenEXR is not read; " + _IMAGEMAGICK.format("exr")),
    (b"#?RADIANCE", "format Radiance HDR is not read; " + _IMAGEMAGICK.format("hdr")),
    (b"gimp xcf", "format GIMP (XCF) is not read; " + _IMAGEMAGICK.format("xcf")),
    (b"\xd7\xcd\xc6\x9a", "format WMF is not read; " + _IMAGEMAGICK.format("wmf")),
    (b"AT&TFORM", "format DjVu is not read; convert it: ddjvu -format=tiff IN.djvu OUT.tif"),
    (b"\xab\x4b\x54\x58", "format KTX is not read; convert it to PNG first"),
    (b"farbfeld", "format farbfeld is not read; convert it: ff2png < IN.ff > OUT.png"),
    (b"BPG\xfb", "format BPG is not read; convert it: bpgdec -o OUT.png IN.bpg"),
    (b"NRRD", "format NRRD is not read: save its slices as PNG or TIFF, with pynrrd and Pillow"),
    (b"PAR1", "a Parquet table is not an image: give it as DATA"),
    (b"SQLite format 3\x00", "a database is not an image"),
    (b"\x1aE\xdf\xa3", "a video (Matroska, WebM) is not an image; take frames of it: ffmpeg -i "
     "IN.mkv OUT%05d.png"),
    (b"version https://git-lfs", "a pointer of Git LFS stands here in place of the image: run: "
     "git lfs pull"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a container of a microscope or office program (OLE) is "
     "not read; convert it: bfconvert IN OUT.ome.tif"),
    (b"\xda\xce\xbe\x0a", "format Nikon ND2 is not read; convert it: bfconvert IN.nd2 OUT.ome.tif"),
    (b"ZISRAWFILE", "format Zeiss CZI is not read; convert it: bfconvert IN.czi OUT.ome.tif"),
)  # fmt: skip
_BOXES = {
    b"crx ": _RAW.format("Canon", "cr3"),
    b"qt  ": "a video (QuickTime) is not an image; take frames: ffmpeg -i IN.mov OUT%05d.png",
    b"avif": "",
    b"avis": "",
}
_VIDEO = "a video (MP4) is not an image; take frames of it: ffmpeg -i IN.mp4 OUT%05d.png"
_NIFTI = "format NIfTI is not read: save its slices as PNG or TIFF, with nibabel and Pillow"


def unread_kind(data: bytes) -> str:
    """Name the content and what converts it, as a reason; '' where it is not recognised."""
    for beginning, reason in _BEGINNINGS:
        if data.startswith(beginning):
            return reason
    if data[4:8] == b"ftyp":
        return _BOXES.get(data[8:12], _VIDEO)
    if data[:2] in (b"II", b"MM") and data[8:10] == b"CR":
        return _RAW.format("Canon", "cr2")
    if data[344:348] in (b"n+1\x00", b"ni1\x00") or data[4:8] in (b"n+2\x00", b"ni2\x00"):
        return _NIFTI
    if data[257:262] == b"ustar":
        return "a tar archive is not an image: unpack it: tar xf FILE"
    return _jpeg_kind(data) or _text_kind(data) or _named_jpeg2000(data)


def _jpeg_kind(data: bytes) -> str:
    """A JPEG of a kind that Pillow's decoder does not know, by its frame header."""
    if not data.startswith(b"\xff\xd8\xff"):
        return ""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in (0xF7, 0xF8):
            return "format JPEG-LS is not read; convert it: ffmpeg -i IN.jls OUT.png"
        if marker in (0xC3, 0xC7, 0xCB, 0xCF):
            return "a lossless JPEG is not read; convert it: dcmdjpeg, or with imagecodecs, to PNG"
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits = data[at + 4]
            if bits != 8:
                return (
                    f"a JPEG of {bits} bits is not read; convert it to a 16-bit PNG: djpeg -png "
                    "-outfile OUT.png IN.jpg (libjpeg-turbo 3)"
                )
            return ""
        at += 2 + length
    return ""


def _text_kind(data: bytes) -> str:
    """A page or a message that was saved in place of an image, or a drawing."""
    start = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page, not an image: the download gave a page in its place; download it again"
    if b"<svg" in start and start.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")):
        return "format SVG (a drawing) is not read; convert it: rsvg-convert -o OUT.png IN.svg"
    if start.startswith(b"<?xml"):
        return "an XML file, not an image" + (
            ": the download gave an error message in its place" if b"<error" in start else ""
        )
    if start.startswith((b'{"error', b'{"message', b'{"detail')):
        return "an error message in JSON, not an image: download it again"
    return ""


def _named_jpeg2000(data: bytes) -> str:
    header = jpeg2000_header(data)
    if header is None or (header.bits <= 8 and header.components in (1, 2, 3, 4)):
        return ""  # a usual one, which is damaged
    return (
        f"a JPEG 2000 of {header.components} components of {header.bits} bits is not read; convert "
        "it: opj_decompress -i IN.jp2 -o OUT.png"
    )
