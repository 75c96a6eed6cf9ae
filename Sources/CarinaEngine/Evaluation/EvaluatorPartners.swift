import CarinaRuntime

/// Gives every image another one: a seeded permutation without fixed points, across patients as far as that is
/// possible.
package struct EvaluatorPartners: Equatable {
  /// Image row → the row whose pixels take its place.
  package let partner: [Int: Int]
  /// How many images had to be given another image of their own patient.
  package let samePatientCount: Int

  /// Chooses partners among distinct images.
  ///
  /// Images are laid out in random order, those of one patient side by side, and the layout is turned by as many
  /// positions as the patient with most images has: then nobody meets an own image. Where that patient has more than
  /// half of all images, the turn is by the number of the others, which leaves the fewest within one patient. An
  /// unknown patient counts as one of its own.
  /// - Throws: `CarinaError.usage` for fewer than two images.
  package init(images: [(row: Int, patient: String)], seed: UInt64) throws {
    guard images.count >= 2 else {
      throw CarinaError(
        .usage, "the arm \"shuffled\" needs at least two images", at: SettingName.arms.description,
        found: "\(images.count)",
        remedy: "Leave out shuffled, or evaluate more samples.")
    }
    var generator = SeededGenerator(seed: seed, stream: "evaluate.shuffled")
    var order: [ExactText] = [], groups: [ExactText: [Int]] = [:]
    for index in generator.permutation(images.count) {
      // No patient's name holds a line feed, so these keys cannot meet.
      let key = ExactText(images[index].patient.isEmpty ? "\n\(index)" : images[index].patient)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(index)
    }
    let layout = order.flatMap { groups[$0] ?? [] }
    let largest = groups.values.map(\.count).max() ?? 1
    let turn = max(1, min(largest, layout.count - largest))
    var partner: [Int: Int] = [:], samePatient = 0
    for (position, index) in layout.enumerated() {
      let other = images[layout[(position + turn) % layout.count]]
      partner[images[index].row] = other.row
      if !other.patient.isEmpty && other.patient.isExactly(images[index].patient) { samePatient += 1 }
    }
    self.partner = partner
    samePatientCount = samePatient
  }
}
