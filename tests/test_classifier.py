from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL
import pytest
import torch
from PIL import Image
from scipy.special import softmax

from nunbit.bundle import Bundle, save_bundle
from nunbit.classifier import Classifier, load
from nunbit.data.preprocess import Preprocess
from nunbit.errors import BundleError, UnusableImage, UsageError
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.models import create_model

CLASSES = ("bag", "coat", "ankle boot")


def classifier(channels: int = 3, temperature: float = 2.0) -> Classifier:
    preprocess = Preprocess(
        height=20,
        width=24,
        channels=1 if channels == 1 else 3,
        mean=(0.3,) * channels,
        std=(0.4,) * channels,
    )
    model = create_model(
        "smallcnn", classes=3, channels=channels, height=20, width=24, generator_seed=1
    )
    # Statistics other than those of a new network, so that the images matter to the answer.
    generator = torch.Generator().manual_seed(0)
    model(torch.randn(16, channels, 20, 24, generator=generator) * 3)
    return Classifier(
        Bundle(
            model=model,
            architecture="smallcnn",
            classes=CLASSES,
            preprocess=preprocess,
            temperature=temperature,
        ),
        device="cpu",
    )


def picture(seed: int, size: tuple[int, int] = (33, 47), channels: int = 3) -> np.ndarray:
    shape = size if channels == 1 else (*size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        Image.fromarray(picture(number)).save(path)
        paths.append(path)
    return paths


def test_probabilities_from_first_principles() -> None:
    ours = classifier()
    image = picture(3, (20, 24))
    with torch.no_grad():
        x = (torch.from_numpy(image).permute(2, 0, 1)[None] / 255 - 0.3) / 0.4
        logits = ours.model(x.float()).double().numpy()
    proba = ours.predict_proba(image)
    np.testing.assert_allclose(proba, softmax(logits / 2, axis=1), rtol=1e-4)
    assert proba.shape == (1, 3)
    assert ours.predict(image).tolist() == [CLASSES[int(logits.argmax())]]


def test_temperature_flattens_and_does_not_change_the_class() -> None:
    image = picture(1)
    cold, warm = classifier(temperature=0.5), classifier(temperature=5.0)
    assert cold.predict(image) == warm.predict(image)
    assert cold.predict_proba(image).max() > warm.predict_proba(image).max()


def test_every_way_to_give_images_agrees(files: list[Path]) -> None:
    ours = classifier()
    expected = ours.predict_proba(files)
    assert expected.shape == (5, 3)
    np.testing.assert_allclose(expected.sum(axis=1), 1)
    arrays = [picture(number) for number in range(5)]
    ways = {
        "strings": [str(path) for path in files],
        "numpy strings": np.array([str(path) for path in files]),
        "pil": [Image.fromarray(array) for array in arrays],
        "bytes": [path.read_bytes() for path in files],
        "bytearrays": [bytearray(path.read_bytes()) for path in files],
        "list of arrays": arrays,
        "one array": np.stack(arrays),
        "mixed": [files[0], arrays[1], Image.fromarray(arrays[2]), str(files[3]), arrays[4]],
        "generator": (path for path in files),
    }
    for way, images in ways.items():
        np.testing.assert_array_equal(ours.predict_proba(images), expected, err_msg=way)
    np.testing.assert_allclose(ours.predict_proba(files, batch_size=2), expected, rtol=1e-4)
    data = files[2].read_bytes()
    for single in (files[2], str(files[2]), data, arrays[2], Image.fromarray(arrays[2])):
        np.testing.assert_allclose(ours.predict_proba(single), expected[2:3], rtol=1e-4)


def test_names_are_those_of_the_largest_probability(files: list[Path]) -> None:
    ours = classifier()
    names = ours.predict(files)
    assert names.tolist() == [CLASSES[i] for i in ours.predict_proba(files).argmax(axis=1)]


def test_the_network_sees_as_many_inference_batch_size_as_suit_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, ours, seen = [picture(seed) for seed in range(5)], classifier(), list[int]()
    whole = ours.predict_proba(images)
    monkeypatch.setattr("nunbit.classifier.inference_batch_size", lambda *_: 2)
    ours.model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    np.testing.assert_allclose(ours.predict_proba(images), whole, rtol=1e-4)
    assert seen == [2, 2, 1]


def test_no_images() -> None:
    assert classifier().predict_proba([]).shape == (0, 3)
    assert classifier().predict([]).shape == (0,)


def test_grey_models_and_grey_arrays() -> None:
    ours = classifier(channels=1)
    stack = np.stack([picture(n, channels=1) for n in range(4)])
    many = ours.predict_proba(stack)
    assert many.shape == (4, 3)
    np.testing.assert_allclose(ours.predict_proba(stack[0]), many[:1], rtol=1e-4)
    np.testing.assert_array_equal(ours.predict_proba(stack[..., None]), many)
    np.testing.assert_array_equal(
        classifier(channels=3).predict_proba(np.stack([stack] * 3, axis=-1)),
        classifier(channels=3).predict_proba(stack),
    )


def test_channels_may_come_first_where_the_model_sees_colours() -> None:
    ours, one = classifier(channels=3), picture(2)
    expected = ours.predict_proba(one)
    first = np.moveaxis(one, 2, 0)
    with pytest.warns(UserWarning, match="read as one picture whose channels come first"):
        np.testing.assert_array_equal(ours.predict_proba(first), expected)
    with pytest.warns(UserWarning, match="channels come first"):
        both = ours.predict_proba(np.stack([first, first]))
    np.testing.assert_allclose(both, np.concatenate([expected, expected]), rtol=1e-4)
    # Of a model of grey pictures, three planes are three pictures.
    assert classifier(channels=1).predict_proba(first).shape == (3, 3)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (0, 5, 5, 3), (5, 0, 3), (2, 0, 5, 3)])
def test_empty_arrays_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="no image in an array"):
        classifier().predict(np.zeros(shape, dtype=np.uint8))
    with pytest.raises(UsageError, match="has pixels"):
        classifier().predict([np.zeros((5, 0, 3), dtype=np.uint8)])


def test_arrays_of_sixteen_bits_are_read_by_the_contracts_range() -> None:
    ours = classifier(channels=1)
    grey = picture(5, channels=1)
    expected = ours.predict_proba(grey)
    np.testing.assert_array_equal(ours.predict_proba(grey.astype(np.uint16) * 257), expected)
    twelve = replace(ours.bundle, preprocess=replace(ours.preprocess, range=(0.0, 4080.0)))
    found = Classifier(twelve, device="cpu").predict_proba(grey.astype(np.uint16) * 16)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr"])
def test_pil_images_of_every_mode_are_treated_as_their_files(mode: str, tmp_path: Path) -> None:
    image = (
        Image.fromarray(picture(5, channels=1).astype(np.uint16) * 200)
        if mode == "I;16"
        else Image.fromarray(picture(5, channels=4)).convert(mode)
    )
    path = tmp_path / ("image.png" if mode in ("LA", "P") else "image.tiff")
    image.save(path)
    ours = classifier()
    np.testing.assert_allclose(ours.predict_proba(image), ours.predict_proba(path), rtol=1e-4)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_a_pil_image_keeps_its_rotation(mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(picture(8, (20, 24))).convert(mode).save(buffer, "JPEG", exif=exif, quality=95)
    ours = classifier()
    direct = ours.preprocess.canvas(buffer.getvalue())
    opened = Image.open(io.BytesIO(buffer.getvalue()))
    np.testing.assert_array_equal(ours._canvas(opened), direct)


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA", "CMYK"])
def test_a_pil_image_is_neither_encoded_nor_changed(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.fromarray(picture(5, channels=4)).convert(mode)
    before = image.copy()
    monkeypatch.setattr(Image.Image, "save", None)
    assert classifier().predict_proba(image).shape == (1, 3)
    assert (image.mode, image.size, image.info) == (before.mode, before.size, before.info)
    assert image.tobytes() == before.tobytes()


def test_an_opened_file_is_answered_like_its_path(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.fromarray(picture(6)).save(path)
    with Image.open(path) as image:
        found = classifier().predict_proba(image)
    np.testing.assert_allclose(found, classifier().predict_proba(path), atol=1e-6)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"", "zero bytes"),
        (b"no picture", "not an image"),
        (Image.new("RGB", (0, 5)), "no pixels"),
        (Image.new("F", (4, 4)), "no stated range"),
        (Image.new("I", (4, 4), 70_000), "no stated range"),
    ],
)
def test_what_cannot_be_read_is_said(image: object, message: str) -> None:
    with pytest.raises(UnusableImage, match=message):
        classifier().predict(image)  # type: ignore[arg-type]


def test_a_damaged_file_that_pillow_opened_is_said(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    Image.fromarray(picture(6)).save(path)
    path.write_bytes(path.read_bytes()[:900])
    with Image.open(path) as image, pytest.raises(UnusableImage, match="truncated"):
        classifier().predict(image)


def test_an_answer_that_is_not_finite_is_refused(files: list[Path]) -> None:
    ours = classifier()
    expected = ours.predict_files([files[0]])[0].probabilities

    def spoil(_: torch.nn.Module, __: object, logits: torch.Tensor) -> torch.Tensor:
        spoilt = logits.clone()
        spoilt[1:, 0] = torch.inf
        return spoilt

    ours.model.register_forward_hook(spoil)
    with pytest.raises(BundleError, match=r"not finite numbers \(for 4 of 5 images\)"):
        ours.predict_proba(files)
    first, second, *_ = ours.predict_files(files)
    np.testing.assert_allclose(first.probabilities, expected, atol=1e-6)
    assert "not finite" in second.error
    assert not second.names


def test_an_unusable_image_raises_and_names_the_file(files: list[Path]) -> None:
    files[3].write_bytes(files[3].read_bytes()[:60])
    with pytest.raises(UnusableImage) as caught:
        classifier().predict(files)
    assert str(files[3]) in str(caught.value)


def test_predict_files_reports_each_file(files: list[Path], tmp_path: Path) -> None:
    ours = classifier()
    expected = ours.predict_proba(files)
    broken, empty, gone = tmp_path / "broken.png", tmp_path / "empty.png", tmp_path / "gone.png"
    broken.write_bytes(b"no image")
    empty.write_bytes(b"")
    nameless = tmp_path / "zero\0byte.png"
    given = [broken, *files[:3], empty, gone, nameless, tmp_path, *files[3:]]
    rows = ours.predict_files(given, top_k=2, batch_size=2)
    assert [row.path for row in rows] == given
    failed = {row.path.name: row.error for row in rows if row.error}
    assert failed.keys() == {"broken.png", "empty.png", "gone.png", nameless.name, tmp_path.name}
    assert "not an image" in failed["broken.png"]
    assert "zero bytes" in failed["empty.png"]
    assert "no such file" in failed["gone.png"]
    assert all(not row.names and not row.probabilities for row in rows if row.error)
    usable = [row for row in rows if not row.error]
    np.testing.assert_allclose([row.probabilities for row in usable], expected, rtol=1e-4)
    for row in usable:
        chances = dict(zip(CLASSES, row.probabilities, strict=True))
        assert list(row.names) == sorted(chances, key=lambda name: -chances[name])[:2]


def test_top_k_may_exceed_the_classes(files: list[Path]) -> None:
    assert len(classifier().predict_files(files[:1], top_k=99)[0].names) == 3


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 8, 8, 3)), "must be uint8 or uint16, not float64"),
        (np.zeros((8, 8, 4), np.uint8), r"must be \[h, w, 1 or 3\]"),
        (np.zeros(8, np.uint8), r"not \(8,\)"),
        ([3], "not int"),
        (3, "int is neither an image nor a list"),
        (torch.zeros(2, 3, 8, 8), "not Tensor"),
    ],
)
def test_what_is_no_image(images: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        classifier().predict(images)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [{"top_k": 0}, {"batch_size": 0}])
def test_impossible_numbers(arguments: dict[str, int], files: list[Path]) -> None:
    with pytest.raises(UsageError, match="at least one"):
        classifier().predict_files(files, **arguments)  # type: ignore[arg-type]


def test_load_takes_a_bundle_or_a_run(files: list[Path], tmp_path: Path) -> None:
    ours = classifier()
    save_bundle(tmp_path / "run" / "model", ours.bundle)
    (tmp_path / "run" / "config.toml").write_text("")
    expected = ours.predict_proba(files)
    for path in (tmp_path / "run", str(tmp_path / "run" / "model")):
        read = load(path, device="cpu")
        assert read.classes == CLASSES
        assert read.preprocess == ours.preprocess
        np.testing.assert_array_equal(read.predict_proba(files), expected)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        ("nothing", "there is no such run or model"),
        ("run", "nunbit train --resume --out "),
        ("photos", "neither a run nor a model"),
    ],
)
def test_load_says_what_is_wrong(prepare: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if prepare != "nothing":
        path.mkdir()
    if prepare == "run":
        (path / "config.toml").write_text("")
    with pytest.raises(BundleError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_answers_below_the_threshold_are_unsure(files: list[Path]) -> None:
    ours = classifier()
    surest = ours.predict_proba(files).max(axis=1)
    threshold = float(np.median(surest))
    ours.bundle = replace(ours.bundle, thresholds={"0.95": threshold, "0.9": 0.0})
    plain, held = ours.predict(files), ours.predict(files, accuracy=0.95)
    assert 0 < (surest < threshold).sum() < len(files)
    assert held.tolist() == [
        "unsure" if sure < threshold else name for sure, name in zip(surest, plain, strict=True)
    ]
    answers = ours.predict_files(files, accuracy=0.95)
    assert [answer.unsure for answer in answers] == (surest < threshold).tolist()
    assert ours.predict(files, accuracy=0.9).tolist() == plain.tolist()
    assert not any(answer.unsure for answer in ours.predict_files(files))


def test_an_accuracy_without_a_threshold_is_refused(files: list[Path]) -> None:
    ours = classifier()
    with pytest.raises(UsageError, match=r"no threshold for an accuracy of 0\.97") as caught:
        ours.predict(files, accuracy=0.97)
    assert "validation images gave no such threshold" in caught.value.remedy
    ours.bundle = replace(ours.bundle, thresholds={"0.95": 0.5, "0.98": 0.7})
    with pytest.raises(UsageError, match=r"no threshold for an accuracy of 0\.97") as caught:
        ours.predict_files(files, accuracy=0.97)
    assert caught.value.remedy == "it has one for 0.95, 0.98"


def two_classes(threshold: float = 0.5) -> Classifier:
    preprocess = Preprocess(height=20, width=24, channels=3, mean=(0.3,) * 3, std=(0.4,) * 3)
    model = create_model("smallcnn", classes=2, channels=3, height=20, width=24, generator_seed=1)
    model(torch.randn(16, 3, 20, 24, generator=torch.Generator().manual_seed(0)) * 3)
    point = OperatingPoint(positive="sick", threshold=threshold, rule="youden", n_validation=40)
    bundle = Bundle(
        model=model,
        architecture="smallcnn",
        classes=("sick", "well"),
        preprocess=preprocess,
        operating_point=point,
    )
    return Classifier(bundle, device="cpu")


def test_two_classes_are_answered_at_the_operating_point(files: list[Path], tmp_path: Path) -> None:
    chances = two_classes().predict_proba(files)[:, 0]
    low, *_, high = sorted(chances)
    ours = two_classes(threshold=float((low + high) / 2))
    expected = ["sick" if p >= (low + high) / 2 else "well" for p in chances]
    assert set(expected) == {"sick", "well"}
    assert ours.predict(files, threshold="operating-point").tolist() == expected
    assert ours.predict(files, threshold=0).tolist() == ["sick"] * len(files)
    answers = ours.predict_files(files, threshold="operating-point", top_k=2)
    assert [answer.names[0] for answer in answers] == expected
    assert all(sorted(answer.names) == ["sick", "well"] for answer in answers)
    plain = ours.predict_files(files)
    assert [a.probabilities for a in plain] == [a.probabilities for a in answers]
    # The point travels with the model.
    save_bundle(tmp_path / "model", ours.bundle)
    again = load(tmp_path / "model", device="cpu")
    assert again.operating_point == ours.operating_point
    assert again.predict(files, threshold="operating-point").tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 1.5}, "a probability from 0 to 1, not 1.5"),
        ({"threshold": "half"}, "a probability from 0 to 1, not 'half'"),
        ({"threshold": True}, "a probability from 0 to 1, not True"),
        ({"threshold": 0.5, "accuracy": 0.95}, "exclude each other"),
    ],
)
def test_thresholds_that_there_are_not(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        two_classes().predict(picture(1), **arguments)  # type: ignore[arg-type]


def test_a_threshold_is_of_two_classes() -> None:
    with pytest.raises(UsageError, match="it tells 3 classes apart, and only two have one"):
        classifier().predict(picture(1), threshold=0.3)
    old = two_classes()
    old.bundle = replace(old.bundle, operating_point=None)
    with pytest.raises(UsageError, match="trained without one, or by an older nunbit"):
        old.predict_files([], threshold=0.3)


def test_a_class_called_unsure_cannot_be_told_from_the_mark() -> None:
    ours = classifier()
    ours.bundle = replace(ours.bundle, classes=("bag", "unsure", "boot"), thresholds={"0.95": 0.5})
    with pytest.raises(UsageError, match="a class is called unsure"):
        ours.predict(picture(1), accuracy=0.95)


def test_many_images_get_the_answers_that_each_alone_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = classifier()
    images = [picture(number) for number in range(6)]
    alone = np.concatenate([ours.predict_proba(image) for image in images])
    monkeypatch.setattr("nunbit.classifier.MANY_IMAGES", 6)
    np.testing.assert_allclose(ours.predict_proba(images, batch_size=4), alone, atol=1e-6)
    assert ours._faster is not None
    assert ours._faster[1].network is not ours.model


def test_many_images_are_answered_with_the_weights_of_the_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nunbit.classifier.MANY_IMAGES", 2)
    ours = classifier()
    images = [picture(number) for number in range(3)]
    before = ours.predict_proba(images)
    with torch.no_grad():
        list(ours.model.parameters())[-1].add_(torch.tensor([0.0, 1.0, 2.0]))
    after = ours.predict_proba(images)
    assert np.abs(after - before).max() > 0.05
    alone = np.concatenate([ours.predict_proba(image) for image in images])
    np.testing.assert_allclose(after, alone, atol=1e-6)


def test_a_model_of_another_resizing_says_so_once() -> None:
    here = int(PIL.__version__.partition(".")[0])
    other, same = ("12.3.0", "13.9.9") if here >= 13 else ("13.0.0", "12.0.0")
    bundle = classifier().bundle
    Classifier(replace(bundle, versions={"pillow": same}), device="cpu")
    old = replace(bundle, versions={"pillow": other})
    with pytest.warns(UserWarning, match=f"trained with Pillow {other}"):
        Classifier(old, device="cpu")
    Classifier(old, device="cpu")  # a second warning would be an error here
