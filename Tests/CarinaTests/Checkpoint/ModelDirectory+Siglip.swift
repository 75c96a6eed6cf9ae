import Carina
import TestSupport

extension ModelDirectory {
  /// Reads both towers of a `SiglipModel`.
  /// - Throws: as `loadDecoder`.
  func loadSiglip(precision: ElementType) throws -> LoadedPart<SiglipModel> {
    try loadSiglip(precision: precision, on: TestBackend.chosen)
  }
}
