/// Finds the samples that show one image, bucket by bucket.
struct SamplesOfImages {
  /// What `link` found.
  struct Links {
    /// Images that name no patient.
    var withoutPatient = 0
    /// The first sample that gives its image to another patient than an earlier one did, and that one.
    var conflict: (sample: Int, other: Int)?
  }

  private struct Entry: BitwiseCopyable {
    let image: NameKey
    let sample: Int
    let patient: NameHash
  }

  private static let nobody = NameHash("")
  private var entries: SpilledBuckets<Entry>

  /// - Parameter place: where to spill.
  init(_ place: SpillPlace) { entries = SpilledBuckets(place) }

  /// Adds a sample.
  /// - Throws: `CarinaError.cannotWrite`.
  mutating func add(_ image: NameKey, sample: Int, patient: String) throws {
    try entries.append(Entry(image: image, sample: sample, patient: NameHash(patient)), to: image.bucket)
  }

  /// Links each sample in a file of `ImagePlan.Sample` with the next one of its image.
  /// - Parameter first: where in the file the samples begin.
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
      for (place, entry) in own.enumerated() {
        let isNamed = entry.patient != SamplesOfImages.nobody
        guard var known = images[entry.image] else {
          images[entry.image] = Known(last: place, patient: isNamed ? place : nil)
          continue
        }
        distances[known.last, default: (0, false)].next = Int32(entry.sample - own[known.last].sample)
        distances[place] = (0, true)
        if isNamed {
          if let other = known.patient, own[other].patient != entry.patient,
            entry.sample < links.conflict?.sample ?? .max
          {
            links.conflict = (entry.sample, own[other].sample)
          }
          known.patient = known.patient ?? place
        }
        known.last = place
        images[entry.image] = known
      }
      links.withoutPatient += images.values.count { $0.patient == nil }
      for (place, distance) in distances {
        var sample = try file.entry(first + own[place].sample, of: ImagePlan.Sample.self)
        (sample.next, sample.isLater) = (distance.next, distance.isLater ? 1 : 0)
        try file.set(first + own[place].sample, sample)
      }
    }
    return links
  }
}
