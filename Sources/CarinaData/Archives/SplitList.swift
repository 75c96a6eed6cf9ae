import CarinaRuntime

/// Which split a source's lists name for each image: 8 bytes of a hash and 2 of a number are held an image, not its
/// name.
struct SplitList {
  private var splits: [String] = []
  private var numbers: [ExactText: UInt16] = [:]
  private var ofName: [NameHash: UInt16] = [:]

  /// Whether there is no list.
  var isEmpty: Bool { ofName.isEmpty }

  /// The split of an image; nil when it is not listed.
  subscript(_ name: String) -> String? { ofName[NameHash(name)].map { splits[Int($0)] } }

  /// Notes the split of an image.
  /// - Parameter location: file and line, for errors.
  /// - Throws: `CarinaError.badData` for more splits than there can be.
  mutating func add(_ name: String, split: String, at location: String) throws {
    let number = numbers[ExactText(split)] ?? UInt16(splits.count)
    if number == splits.count {
      guard splits.count < 1000 else { throw CarinaError(.badData, "names more than 1,000 splits", at: location) }
      numbers[ExactText(split)] = number
      splits.append(split)
    }
    ofName[NameHash(name)] = number
  }
}
