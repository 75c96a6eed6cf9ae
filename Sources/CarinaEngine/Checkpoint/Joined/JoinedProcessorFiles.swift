import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaText
import Foundation

/// The files beside the weights that transformers' `AutoProcessor` makes a joined model's processor of: tokenizer, image
/// settings, chat template. What the source of a model has is copied, what it lacks is written.
struct JoinedProcessorFiles {
  /// Where the tokenizer's files and a chat template lie.
  let tokenizer: ModelDirectory
  /// Where the files of image settings lie; nil where they are of another class of processor.
  let images: ModelDirectory?
  /// The settings that are written where none are copied.
  let transform: ImageTransform
  /// What the processor is.
  let processor: JoinedProcessor
  /// Pieces to add to `tokenizer.json`, with their ids.
  var added: [(text: String, id: Int)] = []

  /// Writes the files into a directory that is there.
  /// - Throws: `CarinaError.missingInput` when there is no tokenizer, `.cannotWrite`.
  func write(to directory: String) throws {
    try tokenizer.copyTokenizer(to: directory)
    try add(to: "\(directory)/tokenizer.json")
    let names = try nameTokens(in: "\(directory)/tokenizer_config.json")
    let hasTemplate =
      names["chat_template"] != nil
      || ["chat_template.jinja", "chat_template.json"].contains { ModelDirectory(path: directory).has($0) }
    if !hasTemplate || processor.replacesTemplate {
      try AtomicFile.write(processor.chatTemplate, to: "\(directory)/chat_template.jinja")
    }
    try writeSettings(to: directory)
  }

  private func writeSettings(to directory: String) throws {
    let own = "processor_config.json", plain = "preprocessor_config.json"
    let copied = [own, plain].filter { images?.has($0) ?? false }
    for name in copied {
      guard let images else { continue }
      try AtomicFile.write(ReadableFile.read(images.file(name), limit: .document), to: "\(directory)/\(name)")
    }
    // transformers 4 reads the one, and 5 the other first.
    if !copied.contains(plain) {
      var settings = transform.preprocessorConfiguration.object ?? JSONObject()
      settings["image_processor_type"] = .string(processor.imageProcessor)
      for (key, value) in processor.imageSettings { settings[key] = value }
      settings["processor_class"] = .string(processor.name)
      try JSONValue.object(settings).write(to: "\(directory)/\(plain)")
    }
    guard !copied.contains(own) else { return }
    var value = processor.settings
    value["processor_class"] = .string(processor.name)
    try JSONValue.object(value).write(to: "\(directory)/\(own)")
  }

  /// Adds special pieces to a `tokenizer.json`.
  private func add(to path: String) throws {
    guard !added.isEmpty else { return }
    guard case .object(var document) = try JSONValue.parseFile(path, limit: .tokenizer) else {
      throw CarinaError(.badData, "is no JSON object", at: path)
    }
    document["added_tokens"] = .array(
      (document["added_tokens"]?.array ?? [])
        + added.map { text, id in
          [
            "content": .string(text), "id": .integer(id), "lstrip": false, "normalized": false, "rstrip": false,
            "single_word": false, "special": true,
          ]
        })
    try JSONValue.object(document).write(to: path)
  }

  /// Names the pieces around an image where the tokenizer's configuration does not, and makes one where there is none.
  /// - Returns: what stands there in the end.
  private func nameTokens(in path: String) throws -> JSONObject {
    var document = JSONObject()
    let isThere = FileManager.default.fileExists(atPath: path)
    if isThere, case .object(let own) = try JSONValue.parseFile(path, limit: .tokenizer) { document = own }
    let extra = document["extra_special_tokens"]?.object
    let absent = processor.pieces.filter { document[$0.key] == nil && extra?[$0.key] == nil }
    guard !isThere || !absent.isEmpty else { return document }
    if !isThere {
      for (key, text) in [
        ("bos_token", "<bos>"), ("eos_token", "<eos>"), ("pad_token", "<pad>"), ("unk_token", "<unk>"),
        ("tokenizer_class", tokenizer.has("tokenizer.json") ? "PreTrainedTokenizerFast" : "GemmaTokenizer"),
      ] { document[key] = .string(text) }
    }
    for (key, text) in absent { document[key] = .string(text) }
    try JSONValue.object(document).write(to: path)
    return document
  }

}
