/// Finds the mentions of one image, bucket by bucket.
struct SamplesOfImages {
  /// What `link` found.
  struct Links {
    /// Images that name no patient, and images that lie outside the image roots.
    var withoutPatient = 0, outside = 0
    /// The first mention that gives its image to another patient than an earlier one did, and that one.
    var conflict: (mention: Int, other: Int)?
  }

  private struct Entry: BitwiseCopyable {
    let image: NameKey
    let mention: Int
    let patient: NameHash
    let isOutside: Bool
  }

  private static let nobody = NameHash("")
  private var entries: SpilledBuckets<Entry>

  /// - Parameter spill: where to spill.
  init(_ spill: SpillPath) { entries = SpilledBuckets(spill) }

  /// Adds a mention.
  /// - Throws: `CarinaError.cannotWrite`.
  mutating func add(_ image: NameKey, mention: Int, patient: String, isOutside: Bool) throws {
    try entries.append(
      Entry(image: image, mention: mention, patient: NameHash(patient), isOutside: isOutside), to: image.bucket)
  }

  /// Links each mention in a file of `ImagePlan.Mention` with the next one of its image.
  /// - Parameter first: where in the file the mentions begin.
  /// - Throws: `CarinaError.badData` or `.cannotWrite`.
  func link(_ file: SpillFile, from first: Int) throws -> Links {
    struct Known {
      var last: Int
      var patient: Int?
    }
    var links = Links()
    for bucket in 0..<SpilledBuckets<Entry>.count {
      var own: [Entry] = []
      try entries.forEach(in: bucket) { own.append($0) }
      var distances: [Int: (next: Int32, isLater: Bool)] = [:]
      var images: [NameKey: Known] = [:]
      for (index, entry) in own.enumerated() {
        let isNamed = entry.patient != SamplesOfImages.nobody
        guard var known = images[entry.image] else {
          links.outside += entry.isOutside ? 1 : 0
          images[entry.image] = Known(last: index, patient: isNamed ? index : nil)
          continue
        }
        distances[known.last, default: (0, false)].next = Int32(entry.mention - own[known.last].mention)
        distances[index] = (0, true)
        if isNamed {
          if let other = known.patient, own[other].patient != entry.patient,
            entry.mention < links.conflict?.mention ?? .max
          {
            links.conflict = (entry.mention, own[other].mention)
          }
          known.patient = known.patient ?? index
        }
        known.last = index
        images[entry.image] = known
      }
      links.withoutPatient += images.values.count { $0.patient == nil }
      for (index, distance) in distances {
        var mention = try file.entry(first + own[index].mention, of: ImagePlan.Mention.self)
        (mention.next, mention.isLater) = (distance.next, distance.isLater)
        try file.set(first + own[index].mention, mention)
      }
    }
    return links
  }
}
