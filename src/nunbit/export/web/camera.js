// The camera, open only while it is shown.

const box = document.getElementById("camera");
const video = document.getElementById("video");

export async function openCamera() {
  const wanted = { video: { facingMode: "environment", width: { ideal: 1920 } }, audio: false };
  const stream = await navigator.mediaDevices.getUserMedia(wanted);
  video.srcObject = stream;
  await video.play();
  box.hidden = false;
}

export function closeCamera() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  box.hidden = true;
}

// The picture of this moment as a lossless file.
export async function takePicture() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
