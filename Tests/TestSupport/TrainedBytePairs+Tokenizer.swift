import Carina
import Foundation

extension TrainedBytePairs {
  /// The tokenizer with this vocabulary, without files.
  package func makeTokenizer() throws -> BytePairTokenizer {
    try BytePairTokenizer(
      json: Data(tokenizerFile.serialized().utf8), source: "the trained vocabulary", configuration: configurationFile)
  }
}
