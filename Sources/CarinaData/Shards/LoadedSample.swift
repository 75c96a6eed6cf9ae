/// A sample with its pixels.
public struct LoadedSample: Sendable {
  /// Number of the sample in its directory.
  package let index: Int
  /// Its texts and image row.
  public let sample: ShardSample
  /// Its image.
  public let pixels: ImagePixels
}
