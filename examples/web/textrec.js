// Reads images of words with an ONNX file that keras_textrec exported; ONNX Runtime Web runs it.

import * as ort from "onnxruntime-web";

const CONTRACT = 1; // of the exporter, that this code is written against

export class Recognizer {
  /** A recogniser of the bytes of an ONNX file. Errors are one sentence; `name` is the file in them. */
  static async load(bytes, name) {
    const metadata = metadataOf(bytes);
    if (!/^\d+$/.test(metadata.contract)) throw new Error(`${name} is not an export of keras_textrec.`);
    if (Number(metadata.contract) > CONTRACT)
      throw new Error(`${name} was exported by keras_textrec ${metadata.version}, which is newer than this page.`);
    const session = await ort.InferenceSession.create(bytes).catch((error) => {
      throw new Error(`ONNX Runtime cannot load ${name}: ${error.message}`);
    });
    if (!session.outputNames.includes("characters"))
      throw new Error(`${name} gives no characters: export a recogniser, without --input core.`);
    return new Recognizer(session, metadata);
  }

  constructor(session, metadata) {
    this.session = session;
    this.metadata = metadata;
    this.charset = JSON.parse(metadata.charset);
    this.rightToLeft = JSON.parse(metadata.decoder).right_to_left ?? false;
    this.turnsTall = JSON.parse(metadata.orientations ?? null) === "tall";
  }

  /**
   * Reads one word or line; one that is higher than wide also turned, if the file says that its model reads such so.
   * @param {ImageData} image
   * @returns {{text, confidence, characters, turns}} of the surest turn: characters as they stand from left to right
   *   after so many quarter turns counterclockwise, each {text, confidence, left, right}: columns of the turned image,
   *   -1 where the network does not tell places.
   */
  async read(image) {
    const readings = [];
    for (const turns of this.turnsTall && image.height > image.width ? [0, 1, 3] : [0])
      readings.push(await this.readTurned(image, turns));
    return readings.reduce((best, other) => (sureness(other) > sureness(best) ? other : best));
  }

  async readTurned(image, turns) {
    const { height, width, pixels } = turned(image, turns);
    // N images of one size may be read at once; here N is 1.
    const results = await this.session.run({ image: new ort.Tensor("uint8", pixels, [1, height, width, 3]) });

    const [confidences, left, right] = ["confidences", "left", "right"].map((name) => results[name].data);
    const characters = Array.from(results.characters.data, (place, i) => ({
      text: this.charset[place], // BigInt -1, no character, is no place
      confidence: confidences[i],
      left: left[i],
      right: right[i],
    })).filter((character) => character.text !== undefined);
    const shown = characters.map((character) => character.text).join("");
    const text = this.rightToLeft ? inLogicalOrder(shown) : shown;
    return { text, confidence: results.confidence.data[0], characters, turns };
  }

  /** Reads the sample that the file carries: {passed, text, confidence, expected}. */
  async selftest() {
    const png = Uint8Array.from(atob(this.metadata.sample_image), (letter) => letter.charCodeAt(0));
    const reading = await this.read(pixelsOf(await openImage(new Blob([png]))));
    const expected = this.metadata.sample_text;
    return { passed: reading.text === expected, text: reading.text, confidence: reading.confidence, expected };
  }
}

/** Of two as sure, the longer text is right more often; one upright letter is higher than wide by nature. */
function sureness({ characters, turns }) {
  const sum = characters.reduce((sum, { confidence }) => sum + confidence, 0);
  return sum / (characters.length + (characters.length !== 1 || turns > 0));
}

/** The image after so many quarter turns counterclockwise, RGB. */
function turned({ height, width, data }, turns) {
  const size = turns % 2 ? { height: width, width: height } : { height, width };
  const pixels = new Uint8Array(height * width * 3);
  // Where in the image the first pixel is, and the steps from it to the right and down.
  const start = [0, width - 1, height * width - 1, (height - 1) * width][turns];
  const [right, down] = [[1, width], [width, -1], [-1, -width], [-width, 1]][turns];
  let to = 0;
  for (let y = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++, to += 3) {
      const from = 4 * (start + x * right + y * down); // RGBA
      pixels.set(data.subarray(from, from + 3), to);
    }
  return { ...size, pixels };
}

/** An image file (a Blob) as the browser decodes it: right side up, its colours as they are stored. */
export const openImage = (file) => createImageBitmap(file, { colorSpaceConversion: "none" });

/** The pixels of an image, or of a rectangle of it; what is transparent becomes white. */
export function pixelsOf(image, { x = 0, y = 0, width = image.width, height = image.height } = {}) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(image, x, y, width, height, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** The metadata of an ONNX file: `metadata_props`, field 14 of the model, each a key (field 1) and a value (2). */
export function metadataOf(bytes) {
  const decoder = new TextDecoder();
  const metadata = {};
  for (const [field, content] of fields(bytes)) {
    if (field !== 14) continue;
    const entry = Object.fromEntries(fields(content));
    metadata[decoder.decode(entry[1])] = decoder.decode(entry[2]);
  }
  return metadata;
}

/** The fields of a protocol buffer that hold bytes, as [number, bytes]; it ends where the bytes make no sense. */
function* fields(bytes) {
  let place = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1, byte = 128; byte >= 128; factor *= 128) {
      byte = bytes[place++]; // undefined behind the end, and the loop ends
      value += (byte & 127) * factor;
    }
    return value;
  };
  while (place < bytes.length) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) varint();
    else if (kind === 1) place += 8;
    else if (kind === 5) place += 4;
    else if (kind === 2) {
      const length = varint();
      yield [tag >>> 3, bytes.subarray(place, place + length)];
      place += length;
    } else return;
  }
}

const RIGHT_TO_LEFT = /(?![٠-٩۰-۹])[\u0590-\u08ff\ufb1d-\ufefc]/; // Hebrew, Arabic and their neighbours
const LEFT_TO_RIGHT = /[A-Za-z0-9٠-٩۰-۹]+(?:[ .,:/'-][A-Za-z0-9٠-٩۰-۹]+)*|./gsu;
const BRACKETS = "()[]{}<>";

/**
 * A text of a script that runs from right to left, as a picture shows it from left to right, in the order in which it
 * is spoken and typed: turned round, but for Latin words and numbers. (Unicode's UAX #9 has the whole rule.)
 */
function inLogicalOrder(shown) {
  if (!RIGHT_TO_LEFT.test(shown)) return shown;
  const runs = shown.match(LEFT_TO_RIGHT);
  return runs.reverse().map((run) => BRACKETS[BRACKETS.indexOf(run) ^ 1] ?? run).join("");
}
