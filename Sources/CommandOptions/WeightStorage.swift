import ArgumentParser

/// How the language model's matrices are kept while it answers.
public enum WeightStorage: String, CaseIterable, ExpressibleByArgument {
  /// As `--precision` says.
  case full
  /// 8 bits with one scale a row: half the bytes that a token of decoding reads.
  case int8
}
