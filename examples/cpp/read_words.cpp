// Reads images of words with an ONNX file that keras_textrec exported.
// It needs ONNX Runtime to run the file, stb_image to open images, and a JSON parser for the file's metadata.

#include <onnxruntime_cxx_api.h>

#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using Bytes = std::vector<unsigned char>;

constexpr int kContract = 1;  // of the exporter, that this program is written against

// 8 bits a channel, RGB, row by row.
struct Image {
  int height = 0, width = 0;
  Bytes pixels;
};

struct Reading {
  std::string text;  // UTF-8
  float confidence = 0;
  float sureness = 0;  // among the turns of one image
};

// The image after so many quarter turns counterclockwise.
Image turned(const Image& image, int turns) {
  const int height = image.height, width = image.width;
  // Where in the image the first pixel is, and the steps from it to the right and down.
  const int start[] = {0, width - 1, height * width - 1, (height - 1) * width};
  const int right[] = {1, width, -1, -width}, down[] = {width, -1, -width, 1};
  Image result{turns % 2 ? width : height, turns % 2 ? height : width, Bytes(image.pixels.size())};
  auto pixel = result.pixels.begin();
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      pixel = std::copy_n(&image.pixels[3 * size_t(start[turns] + x * right[turns] + y * down[turns])], 3, pixel);
  return result;
}

void check_file(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) throw std::runtime_error("There is no file " + path.string() + ".");
}

Bytes read_file(const std::filesystem::path& path) {
  check_file(path);
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

// A JPEG, PNG, BMP or GIF file as pixels; what is transparent becomes white.
Image decode(const Bytes& file, const std::string& name) {
  int width = 0, height = 0, channels = 0;
  unsigned char* rgba = stbi_load_from_memory(file.data(), int(file.size()), &width, &height, &channels, 4);
  if (!rgba) throw std::runtime_error(name + " is not an image that can be opened: " + stbi_failure_reason() + ".");
  Image image{height, width, Bytes(size_t(height) * width * 3)};
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    const unsigned char* pixel = rgba + i / 3 * 4;
    image.pixels[i] = (pixel[i % 3] * pixel[3] + 255 * (255 - pixel[3]) + 127) / 255;
  }
  stbi_image_free(rgba);
  return image;
}

Bytes from_base64(const std::string& text) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes bytes;
  uint32_t bits = 0;
  int count = 0;
  for (char letter : text.substr(0, text.find('='))) {
    bits = bits << 6 | uint32_t(digits.find(letter) & 63);
    count += 6;
    if (count >= 8) bytes.push_back(bits >> (count -= 8) & 255);
  }
  return bytes;
}

// Characters of a script that runs from right to left, as a picture shows them from left to right, in the order in
// which they are spoken and typed: turned round, but for Latin words and numbers. (UAX #9 has the whole rule.)
std::vector<std::string> in_logical_order(const std::vector<std::string>& shown) {
  static const std::string brackets = "()[]{}<>", joining = " .,:/-'";
  const auto keeps_order = [](const std::string& c) {  // in UTF-8; there are two rows of Arabic digits
    return (c.size() == 1 && std::isalnum(static_cast<unsigned char>(c[0]))) ||
           (c >= "\xd9\xa0" && c <= "\xd9\xa9") || (c >= "\xdb\xb0" && c <= "\xdb\xb9");
  };
  const auto turns = [&](const std::string& c) {  // Hebrew, Arabic and their neighbours
    return !keeps_order(c) && ((c >= "\xd6\x90" && c < "\xe0\xa4") || (c >= "\xef\xac" && c < "\xef\xbc"));
  };
  if (std::none_of(shown.begin(), shown.end(), turns)) return shown;
  std::vector<std::string> spoken;
  for (size_t start, end = shown.size(); end > 0; end = start) {
    start = end - 1;
    if (keeps_order(shown[start])) {
      while (start > 0 && (keeps_order(shown[start - 1]) || (start > 1 && keeps_order(shown[start - 2]) &&
                                                             joining.find(shown[start - 1]) != std::string::npos)))
        --start;
      spoken.insert(spoken.end(), shown.begin() + start, shown.begin() + end);
    } else {
      const size_t bracket = brackets.find(shown[start]);  // the other one of the pair is meant
      spoken.push_back(bracket == std::string::npos ? shown[start] : std::string(1, brackets[bracket ^ 1]));
    }
  }
  return spoken;
}

class Recognizer {
 public:
  explicit Recognizer(const std::filesystem::path& path) : name_(path.string()), session_(open(path)) {
    const int contract = std::atoi(metadata("contract").c_str());
    if (contract < 1) throw std::runtime_error(name_ + " is not an export of keras_textrec.");
    if (contract > kContract)
      throw std::runtime_error(name_ + " was exported by keras_textrec " + metadata("version") +
                               ", which is newer than this program: take the program of that version.");
    if (!has_output("characters"))
      throw std::runtime_error(name_ + " gives no characters: export a recogniser, without --input core.");
    charset_ = nlohmann::json::parse(metadata("charset")).get<std::vector<std::string>>();
    right_to_left_ = nlohmann::json::parse(metadata("decoder")).value("right_to_left", false);
    turns_tall_ = metadata("orientations") == "\"tall\"";
  }

  // The metadata of that key, "" if there is none.
  std::string metadata(const char* key) {
    Ort::AllocatorWithDefaultOptions allocator;
    const auto value = session_.GetModelMetadata().LookupCustomMetadataMapAllocated(key, allocator);
    return value ? value.get() : "";
  }

  // One that is higher than wide is also turned, if the file says that its model reads such so; the surest is kept.
  Reading read(const Image& image) {
    Reading best = read_turned(image, 0);
    if (turns_tall_ && image.height > image.width)
      for (int turns : {1, 3}) {
        const Reading other = read_turned(turned(image, turns), turns);
        if (other.sureness > best.sureness) best = other;
      }
    return best;
  }

 private:
  // N images of one size may be read at once, as (N, height, width, 3); here N is 1.
  Reading read_turned(Image image, int turns) {
    const int64_t shape[] = {1, image.height, image.width, 3};
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    const auto input = Ort::Value::CreateTensor<uint8_t>(memory, image.pixels.data(), image.pixels.size(), shape, 4);
    const char *inputs[] = {"image"}, *outputs[] = {"characters", "confidences", "confidence"};
    const auto results = session_.Run(Ort::RunOptions{}, inputs, &input, 1, outputs, 3);

    std::vector<std::string> characters;
    const int64_t* places = results[0].GetTensorData<int64_t>();  // in the charset; -1: no more characters
    const float* confidences = results[1].GetTensorData<float>();
    float sum = 0;
    const size_t steps = results[0].GetTensorTypeAndShapeInfo().GetElementCount();
    for (size_t i = 0; i < steps; ++i)
      if (places[i] >= 0) {
        characters.push_back(charset_.at(size_t(places[i])));
        sum += confidences[i];
      }
    // Of two that are as sure, the longer text is right more often; one upright letter is higher than wide by nature.
    const size_t count = characters.size() + (characters.size() != 1 || turns > 0);
    if (right_to_left_) characters = in_logical_order(characters);
    Reading reading{"", results[2].GetTensorData<float>()[0], sum / count};
    for (const std::string& character : characters) reading.text += character;
    return reading;
  }

  Ort::Session open(const std::filesystem::path& path) {
    check_file(path);
    try {
      return Ort::Session(environment_, path.c_str(), Ort::SessionOptions{});
    } catch (const Ort::Exception& error) {
      throw std::runtime_error(name_ + " cannot be opened as an ONNX file: " + error.what());
    }
  }

  bool has_output(const std::string& name) {
    Ort::AllocatorWithDefaultOptions allocator;
    for (size_t i = 0; i < session_.GetOutputCount(); ++i)
      if (name == session_.GetOutputNameAllocated(i, allocator).get()) return true;
    return false;
  }

  std::string name_;
  Ort::Env environment_{ORT_LOGGING_LEVEL_ERROR};
  Ort::Session session_;
  std::vector<std::string> charset_;
  bool right_to_left_ = false, turns_tall_ = false;
};

// Reads the sample that the file carries. Whether the text is the one that the file names.
bool selftest(Recognizer& recognizer) {
  const Reading reading = recognizer.read(decode(from_base64(recognizer.metadata("sample_image")), "The sample"));
  const std::string expected = recognizer.metadata("sample_text");
  const bool passed = reading.text == expected;
  std::printf("selftest %s: read \"%s\" (%.3f), expected \"%s\"\n", passed ? "passed" : "FAILED", reading.text.c_str(),
              reading.confidence, expected.c_str());
  return passed;
}

int fail(const std::exception& error) {
  std::fprintf(stderr, "read_words: %s\n", error.what());
  return 1;
}

int main(int count, char** arguments) try {
  const std::vector<std::string> paths(arguments + std::min(count, 2), arguments + count);
  if (paths.empty()) {
    std::fputs("usage: read_words MODEL.onnx IMAGE...\n       read_words MODEL.onnx --selftest\n", stderr);
    return 2;
  }
  Recognizer recognizer(arguments[1]);
  if (paths[0] == "--selftest") return selftest(recognizer) ? 0 : 1;
  int status = 0;
  for (const std::string& path : paths) try {
      const Reading reading = recognizer.read(decode(read_file(path), path));
      std::printf("%s\t%.3f\t%s\n", path.c_str(), reading.confidence, reading.text.c_str());
    } catch (const std::exception& error) {
      status = fail(error);
    }
  return status;
} catch (const std::exception& error) {
  return fail(error);
}
