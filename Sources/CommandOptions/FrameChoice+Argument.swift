import ArgumentParser
import Carina

extension FrameChoice: @retroactive ExpressibleByArgument {
  /// Reads a number from 1, `first` or `middle`.
  public init?(argument: String) { self.init(text: argument) }
}
