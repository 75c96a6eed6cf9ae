import ArgumentParser
import Carina

extension PixelPolicy: @retroactive ExpressibleByArgument {
  /// Reads `voi`, `minmax`, `percentile:LOW,HIGH` or `full`.
  public init?(argument: String) { self.init(text: argument) }
}
