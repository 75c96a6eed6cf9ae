import ArgumentParser
import Carina

/// Options on how an archive's annotations become samples.
struct ArchiveArguments: ParsableArguments {
  @Option(name: .long, help: "Uncertain labels: ignore, positive, negative, or usual (CheXpert's usual mixture).")
  var uncertain: UncertainPolicy = .ignore
  @Option(name: .long, help: "Images of a study: all, frontal, lateral, or best (one, PA first, ties by id).")
  var views: ViewPolicy = .all
  @Option(name: .long, help: "Samples from labels and reports: captions, questions or all.")
  var samples: SampleKinds = .all
  @Option(name: .long, help: "Sentences with removed words (XXXX, ___): drop or keep.")
  var deidentified: DeidentifiedPolicy = .drop
  @Option(name: .long, help: "Language of the questions where there are several: en, zh, or all.")
  var language: String = "en"
  @Flag(name: .customLong("chest-only"), help: "Take chest radiographs only (vqa-rad, slake).") var chestOnly = false
  @Option(name: .long, help: "A file of wordings for labels instead of the built-in one.") var templates: String?

  var options: ArchiveOptions {
    var options = ArchiveOptions()
    options.uncertain = uncertain
    options.views = views
    options.kinds = samples
    options.deidentified = deidentified
    options.language = language == "all" ? "" : language.lowercased()
    options.chestOnly = chestOnly
    options.templates = templates
    return options
  }

  /// Lines for the header of a run.
  var header: [(name: String, value: String)] {
    [
      ("uncertain", uncertain.rawValue), ("views", views.rawValue), ("samples", samples.rawValue),
      ("deidentified", deidentified.rawValue), ("language", language), ("chest-only", "\(chestOnly)"),
      ("templates", templates ?? "built-in"),
    ]
  }
}

extension UncertainPolicy: @retroactive ExpressibleByArgument {}
extension ViewPolicy: @retroactive ExpressibleByArgument {}
extension SampleKinds: @retroactive ExpressibleByArgument {}
extension DeidentifiedPolicy: @retroactive ExpressibleByArgument {}
