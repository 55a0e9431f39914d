// The page: a picture or the camera goes in; what it says, and how sure that is, is drawn on it.

import { Recognizer, openImage, pixelsOf } from "./textrec.js";

const MARGIN = 34; // of the canvas around the picture, for what is drawn above and below a word

const $ = (id) => document.getElementById(id);
const [canvas, video] = [$("canvas"), $("video")];

let recognizer; // of the chosen model
let picture; // on the canvas: an ImageBitmap, or the video
let words = []; // what was read in it, each {text, confidence, characters, box}; the box in the picture's pixels

const colour = (confidence) => `hsl(${Math.round(125 * confidence)} 75% 36%)`;
const percent = (confidence) => `${(100 * confidence).toFixed(1)} %`;
const sizeOf = (image) => ({ width: image.videoWidth ?? image.width, height: image.videoHeight ?? image.height });

/** What a person asked for; if it fails, the page says why. */
async function attempt(action) {
  $("error").textContent = "";
  try {
    await action();
  } catch (error) {
    $("error").textContent = error.message;
  }
}

async function useModel(bytes, name) {
  recognizer = await Recognizer.load(bytes, name);
  const { preset, model, version } = recognizer.metadata;
  $("model").textContent =
    `${name}: ${model} ${preset}, ${recognizer.charset.length} characters, by keras_textrec ${version}`;
  const { passed, text, confidence, expected } = await recognizer.selftest();
  $("selftest").className = passed ? "passed" : "failed";
  $("selftest").textContent =
    `Self-test ${passed ? "passed" : "failed"}: read “${text}” (${percent(confidence)}), expected “${expected}”.`;
}

/** A model, or a picture; one that is shaped as a word or line is read whole. */
async function useFile(file) {
  if (!file) return; // something else was dropped
  if (file.name.endsWith(".onnx")) {
    await useModel(new Uint8Array(await file.arrayBuffer()), file.name);
  } else {
    const image = await openImage(file).catch(() => {
      throw new Error(`${file.name} is not an image that this browser can open.`);
    });
    stopCamera();
    picture = image;
  }
  if (!picture) return;
  words = [];
  show();
  const { width, height } = sizeOf(picture);
  if (width > 1.5 * height) words = [await read({ x: 0, y: 0, width, height })];
  show();
}

async function read(box) {
  if (!recognizer) throw new Error("There is no model yet: choose one.");
  return { ...(await recognizer.read(pixelsOf(picture, box))), box };
}

/** Draws the picture and the words, and lists them; `dragged` is a box that is not read yet. */
function show(dragged) {
  $("invitation").hidden = true;
  $("hint").hidden = canvas.hidden = false;
  const { width, height } = sizeOf(picture);
  const scale = Math.min(($("stage").clientWidth - 2 * MARGIN) / width, Math.max(120, innerHeight * 0.5) / height);
  const ratio = devicePixelRatio;
  const size = [width * scale + 2 * MARGIN, height * scale + 2 * MARGIN];
  [canvas.width, canvas.height] = size.map((side) => side * ratio);
  [canvas.style.width, canvas.style.height] = size.map((side) => `${side}px`);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, MARGIN * ratio, MARGIN * ratio);
  context.drawImage(picture, 0, 0, width * scale, height * scale);
  context.font = "bold 16px system-ui, sans-serif";
  context.lineWidth = 2;
  for (const word of words) drawWord(context, word, scale);
  context.strokeStyle = "#2457d6";
  if (dragged) context.strokeRect(dragged.x * scale, dragged.y * scale, dragged.width * scale, dragged.height * scale);
  $("words").replaceChildren(...words.map(listItem));
  return scale;
}

function listItem({ text, confidence }) {
  const item = document.createElement("li");
  item.innerHTML = `<bdi></bdi> <small>${percent(confidence)}</small>`;
  item.firstChild.textContent = text || "(nothing)";
  return item;
}

/** Its box, text and confidence above; along its lower or right side, each character as a bar, redder if less sure. */
function drawWord(context, { text, confidence, characters, turns, box }, scale) {
  const [x, y, width, height] = [box.x, box.y, box.width, box.height].map((value) => value * scale);
  context.strokeStyle = context.fillStyle = colour(confidence);
  context.strokeRect(x, y, width, height);
  const label = `${text}  ${percent(confidence)}`;
  context.fillRect(x - 1, y - 26, context.measureText(label).width + 16, 26);
  context.fillStyle = "white";
  context.fillText(label, x + 7, y - 8);
  for (const { confidence, left, right } of characters) {
    if (left < 0) continue; // attention decoders do not tell places
    context.fillStyle = colour(confidence);
    const [start, length] = [left * scale + 1, Math.max(2, (right - left) * scale - 2)];
    if (turns === 0) context.fillRect(x + start, y + height + 5, length, 7);
    else context.fillRect(x + width + 5, turns === 1 ? y + start : y + height - start - length, 7, length);
  }
}

// === A box around a word ===

canvas.addEventListener("pointerdown", (down) => {
  const scale = show();
  const { width, height } = sizeOf(picture);
  const at = (offset, side) => Math.min(Math.max(0, Math.round((offset - MARGIN) / scale)), side);
  const boxTo = (event) => {
    const [x0, x1] = [at(down.offsetX, width), at(event.offsetX, width)].sort((a, b) => a - b);
    const [y0, y1] = [at(down.offsetY, height), at(event.offsetY, height)].sort((a, b) => a - b);
    return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
  };
  canvas.setPointerCapture(down.pointerId);
  canvas.onpointermove = (event) => show(boxTo(event));
  canvas.onpointerup = (event) => attempt(async () => {
    canvas.onpointermove = canvas.onpointerup = null;
    const box = boxTo(event);
    if (box.width < 4 || box.height < 4) return show();
    const parts = words.filter((word) => word.box.width < width); // and no longer the picture as one word
    words = [...parts, await read(box)];
    show();
  });
});

// === The camera: what its middle says, until the picture is taken ===

async function startCamera() {
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  await video.play();
  picture = video;
  $("camera").textContent = "Take the picture";
  while (video.srcObject) {
    const { width, height } = sizeOf(video);
    const [across, down] = [Math.round(width * 0.7), Math.round(width * 0.18)];
    const word = await read({ x: (width - across) >> 1, y: (height - down) >> 1, width: across, height: down });
    if (!video.srcObject) return;
    words = [word];
    show();
    await new Promise(requestAnimationFrame);
  }
}

function stopCamera() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  $("camera").textContent = "Use the camera";
}

async function takePicture() {
  const [taken, seen] = [await createImageBitmap(video), words];
  stopCamera();
  [picture, words] = [taken, seen];
  show();
}

// === What a person can do ===

$("camera").addEventListener("click", () => attempt(video.srcObject ? takePicture : startCamera));
for (const input of document.querySelectorAll("input[type=file]"))
  input.addEventListener("change", () => attempt(() => useFile(input.files[0])));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  attempt(() => useFile(event.dataTransfer.files[0]));
});

attempt(async () => {
  const response = await fetch("model.onnx");
  if (!response.ok)
    throw new Error("There is no model.onnx beside this page: write it with keras-textrec export, or choose a model.");
  await useModel(new Uint8Array(await response.arrayBuffer()), "model.onnx");
});
