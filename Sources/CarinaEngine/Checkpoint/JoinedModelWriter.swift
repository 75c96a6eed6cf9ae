import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Writes a joined model as one directory that appears whole or not at all.
package enum JoinedModelWriter {
  /// What becomes of a part.
  package enum Storage {
    /// Its weights are written into the directory.
    case copy
    /// It was frozen, and its weights are written into the directory as its files hold them.
    case stored(StoredTensors)
    /// It was frozen and is named by path and digest only.
    case reference(ModelDirectory)

    fileprivate var stored: StoredTensors? { if case .stored(let tensors) = self { tensors } else { nil } }
  }

  /// What the model does not know about itself.
  package struct Description {
    /// How question, image and answer are laid out.
    package var promptStyle: PromptStyle
    /// The system text; nil for none.
    package var system: String?
    /// Limits on the ids of a question and of an answer.
    package var maximumQuestionTokens: Int, maximumAnswerTokens: Int
    /// From an image file to pixels.
    package var transform: ImageTransform
    /// What the run says about itself.
    package var training: JSONValue

    /// Collects the values.
    package init(
      promptStyle: PromptStyle, maximumQuestionTokens: Int, maximumAnswerTokens: Int, transform: ImageTransform,
      system: String? = nil, training: JSONValue = [:]
    ) {
      self.promptStyle = promptStyle
      self.system = system
      self.maximumQuestionTokens = maximumQuestionTokens
      self.maximumAnswerTokens = maximumAnswerTokens
      self.transform = transform
      self.training = training
    }
  }

  /// Writes the directory beside `path` and puts it in place of what was there.
  /// - Parameters:
  ///   - projector: what becomes of the projector.
  ///   - adapter: what stands on the parts; nil for nothing.
  ///   - tokenizer: the directory whose tokenizer files are copied, into the root and into `language_model/`.
  ///   - type: how the weights of copied language and vision parts are stored; the projector is always fp32.
  /// - Throws: `CarinaError.cannotWrite`; `.missingInput` when the tokenizer or a part referred to is not there. Then
  ///   `path` is as it was.
  package static func write(
    _ model: VisionLanguageModel, languageModel: Storage, visionEncoder: Storage, projector: Storage = .copy,
    adapter: AdapterWriter? = nil, tokenizer: ModelDirectory, description: Description, type: ElementType,
    to path: String
  ) throws {
    try AtomicFile.writeDirectory(to: path) { temporary in
      let language = try part(languageModel, JoinedModelDirectory.languageModelName, in: temporary, for: path) {
        try ModelDirectoryWriter.write(
          model.decoder, to: $0, type: type, tokenizer: tokenizer, stored: languageModel.stored)
      }
      let vision = try part(visionEncoder, JoinedModelDirectory.visionEncoderName, in: temporary, for: path) {
        try ModelDirectoryWriter.write(
          model.vision, transform: description.transform, to: $0, type: type, stored: visionEncoder.stored)
      }
      let projector = try part(projector, JoinedModelDirectory.projectorName, in: temporary, for: path) {
        try ModelDirectoryWriter.write(model.projector, to: $0, type: .float32)
      }
      try tokenizer.copyTokenizer(to: temporary)
      var manifest = CarinaManifest(
        promptStyle: description.promptStyle, maximumQuestionTokens: description.maximumQuestionTokens,
        maximumAnswerTokens: description.maximumAnswerTokens, feature: model.feature,
        dropsFirstPatch: model.dropsFirstPatch, transform: description.transform, languageModel: language,
        visionEncoder: vision, projector: projector, training: description.training)
      manifest.system = description.system
      if let adapter {
        let directory = "\(temporary)/\(JoinedModelDirectory.adapterName)"
        try adapter.write(to: directory)
        try AdapterBase(languageModel: language, visionEncoder: vision, projector: projector).write(to: directory)
        manifest.adapter = try AdapterBundle(directory).identity()
      }
      try manifest.write(to: "\(temporary)/\(CarinaManifest.fileName)")
    }
  }

  private static func part(
    _ storage: Storage, _ name: String, in temporary: String, for path: String, write: (String) throws -> Void
  ) throws -> CarinaManifest.Part {
    switch storage {
    case .copy, .stored:
      try write("\(temporary)/\(name)")
      return CarinaManifest.Part(
        identity: try WeightsIdentity(WeightsDirectory(path: "\(temporary)/\(name)")), reference: nil)
    case .reference(let directory):
      let absolute = absolutePath(directory.path)
      return CarinaManifest.Part(
        identity: try WeightsIdentity(directory.weights()),
        reference: CarinaManifest.Reference(
          path: absolute, relativePath: relativePath(from: absolutePath(path), to: absolute), name: directory.reference)
      )
    }
  }

  /// An absolute path without `.` and `..`; links stay as they are.
  static func absolutePath(_ path: String) -> String {
    let whole = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    var parts = [Substring]()
    for part in whole.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// The relative path from one absolute directory to another.
  static func relativePath(from start: String, to end: String) -> String {
    let from = start.split(separator: "/"), to = end.split(separator: "/")
    let shared = zip(from, to).prefix { $0 == $1 }.count
    let steps = [Substring](repeating: "..", count: from.count - shared) + to[shared...]
    return steps.isEmpty ? "." : steps.joined(separator: "/")
  }
}
