/// A configuration that was read, with what there is to say of the reading.
package struct ConfigReading<Config: Sendable>: Sendable {
  /// The configuration.
  package let config: Config
  /// Keys that were neither read nor known to be harmless, with their path.
  package let unknownKeys: [String]
  /// What was accepted although it cannot be meant, each a sentence.
  package let remarks: [String]

  /// Collects the values.
  package init(config: Config, unknownKeys: [String], remarks: [String] = []) {
    self.config = config
    self.unknownKeys = unknownKeys
    self.remarks = remarks
  }
}
