import CarinaRuntime

/// Patients that occur in both of two shard directories, which must not share any.
package struct LeakageCheck: Equatable, Sendable {
  /// Patients in both, sorted.
  package let sharedPatients: [String]
  /// Images without a patient's name, in both directories together: of these nothing can be said.
  package let unnamedImages: Int

  /// One sentence about images without a patient's name; nil where every image has one.
  package var remark: String? {
    unnamedImages == 0
      ? nil : "\(unnamedImages) images name no patient: overlap with the validation shards cannot be seen for them"
  }

  /// Compares two directories.
  package init(_ first: ShardDirectory, _ second: ShardDirectory) {
    sharedPatients = first.patients.intersection(second.patients).sorted().map(\.text)
    unnamedImages = [first, second].reduce(0) { count, shards in
      count + (0..<shards.imageCount).count { shards.image($0).patient.isEmpty }
    }
  }

  /// Refuses directories that share a patient.
  /// - Returns: the check, for its count of images without a patient's name.
  /// - Throws: `CarinaError.badData` with the patients.
  @discardableResult
  package static func requireDisjoint(_ first: ShardDirectory, _ second: ShardDirectory) throws -> LeakageCheck {
    let check = LeakageCheck(first, second)
    guard check.sharedPatients.isEmpty else {
      let shown = check.sharedPatients.prefix(20).joined(separator: ", ")
      let rest = check.sharedPatients.count - 20
      throw CarinaError(
        .badData, "\(check.sharedPatients.count) patients are in both \(first.path) and \(second.path)",
        found: rest > 0 ? "\(shown) and \(rest) more" : shown, remedy: "Split the records by patient.")
    }
    return check
  }
}
