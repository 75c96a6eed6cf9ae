extension SampleFormat {
  /// What publications say of an archive's size, by the names under which adapters count; where each number is from
  /// stands in docs/preprocess.md. A number that could not be looked up is not here.
  var published: [String: Int] {
    switch self {
    case .carina, .llava: [:]
    case .vqaRad: ["samples": 3_515, "images": 315]
    case .slake: ["samples": 14_028, "images": 642, "en train": 4_919, "en validate": 1_053, "en test": 1_061]
    case .openI: ["reports": 3_955, "images": 7_470]
    case .mimicCXR: ["images": 377_110, "studies": 227_827, "patients": 65_379]
    case .chexpert: ["images": 224_316, "patients": 65_240]
    case .nihCXR14: ["images": 112_120, "patients": 30_805]
    case .vindrCXR: ["images": 18_000, "train images": 15_000, "test images": 3_000]
    case .padChest: ["images": 160_868]
    }
  }

  /// A count under a name, with the published one.
  func count(_ name: String, _ found: Int) -> ArchiveCount { ArchiveCount(name, found, published: published[name]) }
}
