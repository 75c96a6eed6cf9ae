import ArgumentParser
import Carina

extension Int: OptionValue {}
extension UInt64: OptionValue {}
extension Double: OptionValue {}
extension String: OptionValue {}

extension PromptStyle: OptionValue, @retroactive ExpressibleByArgument {}
extension VisionFeature: OptionValue, @retroactive ExpressibleByArgument {}
extension ComputingPrecision: OptionValue {}
extension MatrixProductChoice: OptionValue {}
extension ImageAugmentation: OptionValue {}

extension SampleFormat: OptionValue, @retroactive ExpressibleByArgument {}
extension SplitUnit: OptionValue, @retroactive ExpressibleByArgument {}
extension PassOrder: OptionValue, @retroactive ExpressibleByArgument {}
extension ImageTransform.Aspect: OptionValue, @retroactive ExpressibleByArgument {}
extension ImageTransform.Colour: OptionValue, @retroactive ExpressibleByArgument {}
extension UncertainPolicy: OptionValue, @retroactive ExpressibleByArgument {}
extension ViewPolicy: OptionValue, @retroactive ExpressibleByArgument {}
extension SampleKinds: OptionValue, @retroactive ExpressibleByArgument {}
extension DeidentifiedPolicy: OptionValue, @retroactive ExpressibleByArgument {}

extension ShardPart: OptionValue, @retroactive ExpressibleByArgument {
  /// Reads `I/N`.
  public init?(argument: String) { self.init(text: argument) }
}

extension PixelPolicy: OptionValue, @retroactive ExpressibleByArgument {
  /// Reads `voi`, `minmax`, `percentile:LOW,HIGH` or `full`.
  public init?(argument: String) { self.init(text: argument) }
}

extension ResumePolicy: OptionValue, @retroactive ExpressibleByArgument {
  /// Reads `auto`, `never`, or a directory.
  public init?(argument: String) { self.init(argument) }
  /// As it is read.
  public var defaultValueDescription: String { text }
}
