/// The version that every program prints and every run directory records.
public enum CarinaVersion {
  /// Semantic version of this source tree.
  public static let current = "0.1.0"
}
