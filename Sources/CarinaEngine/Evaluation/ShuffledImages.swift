import CarinaRuntime

/// Gives every sample's images other ones: together the images of another sample that has as many.
package struct ShuffledImages: Equatable {
  /// Rows of a sample's images → the rows whose pixels take their place.
  package let partner: [[Int]: [Int]]
  /// How many lists had to be given one of their own patient, or one that shares an image with them.
  package let samePatientCount: Int

  /// Chooses partners among distinct lists of images.
  ///
  /// Lists of one length are partners as `EvaluatorPartners` says, those that share an image counting as one patient's
  /// where none is named. A list without another one of its length gets for each of its images the partner that this
  /// image has among all images.
  /// - Parameter lists: distinct lists in the order of their first sample, with the patient of each.
  /// - Throws: `CarinaError.usage` for fewer than two lists.
  package init(lists: [(rows: [Int], patient: String)], seed: UInt64) throws {
    guard lists.count >= 2 else {
      // The error of a single image.
      _ = try EvaluatorPartners(images: lists.map { ($0.rows.first ?? 0, $0.patient) }, seed: seed)
      throw CarinaError(.internalFailure, "one list of images has a partner")
    }
    var (partner, samePatient, single) = ([[Int]: [Int]](), 0, [Int]())
    let patients = ShuffledImages.patients(lists)
    for (_, indices) in Dictionary(grouping: lists.indices, by: { lists[$0].rows.count }).sorted(by: { $0.key < $1.key }
    ) {
      guard indices.count > 1 else {
        single += indices
        continue
      }
      let found = try EvaluatorPartners(images: indices.map { ($0, patients[$0]) }, seed: seed)
      for index in indices { partner[lists[index].rows] = lists[found.partner[index] ?? index].rows }
      samePatient += found.samePatientCount
    }
    if !single.isEmpty {
      var (images, seen) = ([(row: Int, patient: String)](), Set<Int>())
      for (index, list) in lists.enumerated() {
        for row in list.rows where seen.insert(row).inserted { images.append((row, patients[index])) }
      }
      let found = try EvaluatorPartners(images: images, seed: seed)
      let ofImage = Dictionary(uniqueKeysWithValues: images.map { ($0.row, $0.patient) })
      for index in single {
        let rows = lists[index].rows, others = rows.map { found.partner[$0] ?? $0 }
        partner[rows] = others
        if others.contains(where: { ofImage[$0]?.isExactly(patients[index]) == true && !patients[index].isEmpty }) {
          samePatient += 1
        }
      }
    }
    self.partner = partner
    samePatientCount = samePatient
  }

  /// The patients of lists; where none is named, a name for all lists that are linked by shared images.
  private static func patients(_ lists: [(rows: [Int], patient: String)]) -> [String] {
    var root = Array(lists.indices), first: [Int: Int] = [:]
    func find(_ index: Int) -> Int {
      var index = index
      while root[index] != index { index = root[index] }
      return index
    }
    for (index, list) in lists.enumerated() where list.patient.isEmpty {
      for row in list.rows {
        guard let other = first[row] else {
          first[row] = index
          continue
        }
        let (a, b) = (find(other), find(index))
        root[max(a, b)] = min(a, b)
      }
    }
    var sizes: [Int: Int] = [:]
    for index in lists.indices { sizes[find(index), default: 0] += 1 }
    return lists.indices.map { index in
      guard lists[index].patient.isEmpty, sizes[find(index), default: 1] > 1 else { return lists[index].patient }
      // No patient's name begins with a line feed.
      return "\n\n\(find(index))"
    }
  }
}
