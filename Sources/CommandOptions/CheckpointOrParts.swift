import ArgumentParser
import Carina

/// A joined model, or encoder, decoder and projector.
public struct CheckpointOrParts: BackboneArguments {
  /// The joined model.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A joined Gemma 3 or LLaVA (directory or id), or the final_model or best_model of a run, to go on with; its "
        + "prompt style is the default.", valueName: "dir"))
  public var checkpoint: String?
  /// The vision encoder.
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Instead of --checkpoint the parts: the SigLIP checkpoint, a directory or an id in the Hugging Face cache."))
  public var visionModel: String?
  /// The decoder.
  @Option(
    name: [.long, .customLong("llm-name"), .customLong("llm-path")],
    help: ArgumentHelp("Gemma 3 checkpoint: a directory, or an id in the Hugging Face cache."))
  public var llm: String?
  /// The projector.
  @Option(
    name: .customLong("stage1-projector-path"), help: "Projector directory that stage 1 wrote, or a file of torch.save."
  )
  public var projector: String?

  /// The defaults.
  public init() {}

  /// Both, where there is no joined model.
  public var parts: (vision: String, language: String)? {
    get throws {
      let given = [("--vision-model", visionModel), ("--llm", llm), ("--stage1-projector-path", projector)]
      guard checkpoint == nil else {
        let surplus = given.filter { $0.1 != nil }.map(\.0)
        guard surplus.isEmpty else {
          throw CarinaError(
            .usage, "--checkpoint and \(surplus.joined(separator: ", ")) cannot go together",
            remedy: "The checkpoint holds all three parts; name either it or the parts.")
        }
        return nil
      }
      guard let visionModel, let llm, projector != nil else {
        let missing = given.filter { $0.1 == nil }.map(\.0)
        throw CarinaError(
          .usage, "there is no model to train",
          expected: "--checkpoint DIR, or --vision-model, --llm and --stage1-projector-path",
          found: missing.count == 3 ? "none of them" : "no \(missing.joined(separator: " and no "))")
      }
      return (visionModel, llm)
    }
  }
}
