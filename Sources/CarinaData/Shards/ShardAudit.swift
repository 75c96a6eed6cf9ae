import CarinaRuntime
import Foundation

/// What several shard directories share and must not: patients, pixels, and pictures that look alike.
public struct ShardAudit {
  /// An image of one of the directories.
  public struct Location: Hashable, Sendable {
    /// Which directory, in the order given.
    public let directory: Int
    /// Row of the image there.
    package let row: Int
    /// The image's path as the records named it.
    public let image: String
  }

  /// Two images of different directories.
  public struct Pair: Hashable, Sendable {
    /// The image of the earlier directory.
    public let first: Location
    /// The image of the later directory.
    public let second: Location
    /// Bits in which their perceptual hashes differ.
    public let distance: Int
  }

  /// Patients that are in more than one directory, with the numbers of these, sorted by name.
  public let patients: [(name: String, directories: [Int])]
  /// Pairs with the very same pixels.
  public let identical: [Pair]
  /// Pairs whose pixels differ but whose hashes are close, the closest first.
  public let similar: [Pair]
  /// Images that name no patient.
  public let unnamedImages: Int
  /// Images too plain for a hash to tell them apart, which are compared by their pixels alone.
  public let plainImages: Int
  /// Whether there were more pairs than are listed.
  public let isCut: Bool

  /// Compares directories.
  /// - Parameters:
  ///   - maximumDistance: hashes that differ in at most so many bits are close, 0...15.
  ///   - limit: how many pairs of each kind are listed at most.
  ///   - progress: told how many images are read.
  /// - Throws: `CarinaError.usage` for fewer than two directories or another distance, `.badData` when pixels cannot be
  ///   read or the directories' images differ in size.
  public init(
    _ directories: [ShardDirectory], maximumDistance: Int = 4, limit: Int = 10_000, progress: (Int) -> Void = { _ in }
  ) throws {
    guard directories.count >= 2, (0...15).contains(maximumDistance) else {
      throw CarinaError(.usage, "an audit compares two or more directories, at a distance of 0 to 15 bits")
    }
    for other in directories.dropFirst() {
      try directories[0].transform.requireSamePixels(as: other.transform, at: other.path)
    }
    var owners: [ExactText: [Int]] = [:]
    for (number, shards) in directories.enumerated() {
      for patient in shards.patients { owners[patient, default: []].append(number) }
    }
    patients = owners.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
      .map { (name: $0.key.text, directories: $0.value) }

    var byDigest: [String: [Location]] = [:]
    var hashed: [(location: Location, hash: PerceptualHash, digest: String)] = []
    var (done, unnamed, plain) = (0, 0, 0)
    for (number, shards) in directories.enumerated() {
      for row in 0..<shards.imageCount {
        let image = shards.image(row)
        let pixels = try shards.pixels(imageRow: row)
        let location = Location(directory: number, row: row, image: image.id)
        // Grey in a colour shard has the digest of grey in a grey one.
        let digest = SHA256Digest.of(Data(pixels.collapsedIfGrey().values))
        if image.patient.isEmpty { unnamed += 1 }
        byDigest[digest, default: []].append(location)
        let hash = try PerceptualHash(pixels)
        if hash.bits == 0 { plain += 1 } else { hashed.append((location, hash, digest)) }
        done += 1
        progress(done)
      }
    }
    (unnamedImages, plainImages) = (unnamed, plain)

    var isCut = false
    var identical: [Pair] = []
    for digest in byDigest.keys.sorted() {
      let locations = byDigest[digest] ?? []
      for (index, first) in locations.enumerated() {
        for second in locations[(index + 1)...] where first.directory != second.directory {
          if identical.count < limit {
            identical.append(Pair(first: first, second: second, distance: 0))
          } else {
            isCut = true
          }
          if isCut { break }
        }
        if isCut { break }
      }
    }
    self.identical = identical.sorted { ($0.first.directory, $0.first.row) < ($1.first.directory, $1.first.row) }

    // Of one band more than bits may differ, at least one is equal (pigeonhole): only such pairs need a look.
    var similar = Set<Pair>()
    let bands = maximumDistance + 1
    search: for band in 0..<bands {
      let (low, high) = (64 * band / bands, 64 * (band + 1) / bands)
      let mask: UInt64 = (high - low == 64 ? .max : (1 << UInt64(high - low)) - 1) << UInt64(low)
      var groups: [UInt64: [Int]] = [:]
      for (index, entry) in hashed.enumerated() { groups[entry.hash.bits & mask, default: []].append(index) }
      for key in groups.keys.sorted() {
        let members = groups[key] ?? []
        for (position, first) in members.enumerated() {
          for second in members[(position + 1)...] {
            let (a, b) = (hashed[first], hashed[second])
            guard a.location.directory != b.location.directory, a.digest != b.digest else { continue }
            let distance = a.hash.distance(to: b.hash)
            guard distance <= maximumDistance else { continue }
            guard similar.count < limit else {
              isCut = true
              break search
            }
            similar.insert(Pair(first: a.location, second: b.location, distance: distance))
          }
        }
      }
    }
    self.similar = similar.sorted {
      ($0.distance, $0.first.directory, $0.first.row, $0.second.directory, $0.second.row)
        < ($1.distance, $1.first.directory, $1.first.row, $1.second.directory, $1.second.row)
    }
    self.isCut = isCut
  }
}
