import ArgumentParser
import Carina

/// Whether, and where, vision features are kept.
public struct FeatureCacheOptions: ParsableArguments {
  /// A file, or the one beside the shards.
  public struct Location: ExpressibleByArgument, CustomStringConvertible {
    let path: String?

    /// What the command line says; not empty.
    public init?(argument: String) {
      guard !argument.isEmpty else { return nil }
      path = argument
    }

    init() { path = nil }

    /// For the help.
    public var description: String { path ?? "vision-features.h5 beside the shard directory" }
  }

  /// The option; alone it means the file beside the shards.
  @Option(
    name: .long, defaultAsFlag: Location(), parsing: .next,
    help: ArgumentHelp(
      "Compute the features of a frozen vision encoder once and keep them in this file, for later epochs, stages and evaluations.",
      valueName: "file"))
  public var cacheVisionFeatures: Location?

  /// The default: features are not kept.
  public init() {}

  /// The file's path; nil when features are not to be kept.
  public func path(besideShards shards: String) -> String? {
    cacheVisionFeatures.map { $0.path ?? FeatureCache.defaultPath(besideShards: shards) }
  }
}
