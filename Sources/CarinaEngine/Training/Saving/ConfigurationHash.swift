import CarinaRuntime

/// The digest by which a checkpoint knows what decided its numbers.
package enum ConfigurationHash {
  /// SHA-256 of a configuration as one line of JSON with sorted names.
  package static func of(_ configuration: JSONValue) throws -> String {
    SHA256Digest.of(try configuration.serialized(sortedKeys: true, indented: false))
  }
}
