import CarinaData
import CarinaRuntime
import CarinaTensor
import Foundation

/// Vision features that are computed once and kept in a file, by the image's own digest: read again in later epochs,
/// stages and evaluations, whatever shards the image is in.
///
/// The file belongs to one encoder, transform and precision, and is refused for any other. Every read compares the
/// features with their checksum: what an interrupted run left unfinished is taken for absent. Safe to use from several
/// threads (`@unchecked`, as file and index are changed under the lock alone).
public final class FeatureCache: @unchecked Sendable {
  private let backend: any Backend
  /// What the features depend on besides the image.
  package let identity: FeatureIdentity
  /// The file.
  package let path: String
  private let lock = NSLock()
  private var file: FeatureFile
  private var index: FeatureIndex
  private var registered: [(name: ContentDigest, images: Int)] = []

  /// Where the file lies when nobody says where: beside the shard directory, so that the others there use it too.
  public static func defaultPath(besideShards shards: String) -> String {
    let whole = URL(fileURLWithPath: shards).standardizedFileURL.path
    return FileName.directory(of: whole) + "/vision-features.h5"
  }

  /// Opens the file, or makes it.
  /// - Parameter imageCount: how many images to make room for; the file grows when there are more.
  /// - Throws: `CarinaError.badData` when it holds features of other weights, another transform or another precision,
  ///   or is damaged; `.usage` for a directory; `.cannotWrite`.
  package init(_ path: String, identity: FeatureIdentity, imageCount: Int, on backend: any Backend) throws {
    self.identity = identity
    self.backend = backend
    self.path = path
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    guard !isDirectory.boolValue else {
      throw CarinaError(
        .usage, "\(setting: .visionFeatureCache) names a directory", at: path,
        expected: "a file, there already or to be made",
        remedy: "Add a name, e.g. \(path)/vision-features.h5.")
    }
    try AbandonedFiles.clear(of: path)
    if !exists {
      let capacity = FeatureFile.Capacity(
        images: max(imageCount, 16), shardRows: max(4 * imageCount, 4096), shards: 4096)
      try AtomicFile.write(to: path) { try FeatureFile.create($0, identity: identity, capacity: capacity) }
    }
    var file = try FeatureFile(path, identity: identity)
    // Between opening and locking another process may have put a larger file there.
    while file.isWritable && !file.isInPlace { file = try FeatureFile(path, identity: identity) }
    self.file = file
    index = try FeatureIndex(file)
  }

  /// Whether this process adds to the file; where another does, or the file must not be written, it is only read.
  public var isWritable: Bool { lock.withLock { file.isWritable } }

  /// What to tell the user where the file is only read.
  public var readOnlyRemark: String {
    "\(path) is only read, as another process writes it or it must not be written: what it lacks is computed each time"
  }

  /// What a run's header says of the file.
  public var summary: String {
    let counts = counts, size = Double(counts.images * identity.byteCount) / 1e6
    return "\(path) (\(counts.kept) of \(counts.images) images are there; all of them take "
      + String(format: "%.\(size < 10 ? 1 : 0)f MB)", size)
  }

  /// Makes sure that the shards are those that their manifest names, hashing each file that is new or has changed its
  /// size or time since.
  /// - Throws: `CarinaError.badData` when a shard has other bytes than its manifest says.
  package func register(_ shards: ShardDirectory) throws {
    for shard in shards.manifest.shards {
      let path = shards.path + "/" + shard.file
      guard let name = ContentDigest(hexadecimal: shard.sha256), let look = FeatureIndex.Look(ofFileAt: path) else {
        throw CarinaError(
          .badData, "the shard cannot be told from others", at: path,
          expected: "a file, and its SHA-256 in the manifest",
          remedy: "Run preprocess again.")
      }
      if lock.withLock({ index.looks[name] }) != look {
        let found = try SHA256Digest.ofFile(path)
        guard found == shard.sha256 else {
          throw CarinaError(
            .badData,
            "the shard's images are not those that its manifest names, so no kept features can stand for them",
            at: path, expected: shard.sha256, found: found, remedy: "Copy it again or run preprocess again.")
        }
        try lock.withLock { try remember(name, look) }
      }
      lock.withLock { registered.append((name, shard.images)) }
    }
  }

  /// How many images of the registered shards there are, and how many have features.
  public var counts: (images: Int, kept: Int) {
    lock.withLock { (registered.reduce(0) { $0 + $1.images }, registered.reduce(0) { $0 + kept(of: $1.name) }) }
  }

  /// The features of an image of a registered directory, [rowCount, width] in the identity's type; nil when they are
  /// not there, or it is not known yet which image this is.
  public func features(ofImage row: Int, in shards: ShardDirectory) throws -> Tensor? {
    let (name, row) = try locate(row, shards)
    guard let image = lock.withLock({ index.images[name]?[row] }) else { return nil }
    return try features(of: image)
  }

  /// Remembers which image stands in a row of a registered directory.
  /// - Returns: the image's digest.
  package func note(_ pixels: ImagePixels, asImage row: Int, in shards: ShardDirectory) throws -> ContentDigest {
    let digest = pixels.digest, (name, row) = try locate(row, shards)
    try lock.withLock {
      if let known = index.images[name]?[row] {
        guard known == digest else { throw otherImage(row, in: shards) }
        return
      }
      index.images[name, default: [:]][row] = digest
      guard file.isWritable, let number = index.shardNumbers[name] else { return }
      if index.shardRowCount == file.capacity.shardRows { try grow(shardRows: 2 * index.shardRowCount) }
      let record = FeatureIndex.shardRowRecord(shard: number, name: name, row: row, image: digest)
      try record.withUnsafeBytes { try file.write(.shardRows, row: index.shardRowCount, $0) }
      index.shardRowCount += 1
    }
    return digest
  }

  /// The features of an image by its digest; nil when they are not there, or not whole.
  package func features(of image: ContentDigest) throws -> Tensor? {
    let found = lock.withLock { index.rows[image].map { (row: $0, file: file) } }
    guard let (row, file) = found else { return nil }
    let tensor = try Tensor([identity.rowCount, identity.width], elementType: identity.elementType, on: backend) {
      if let start = $0.baseAddress { try file.read(.features, row: row, into: start) }
    }
    var sum = [UInt8](repeating: 0, count: ContentDigest.byteCount)
    try sum.withUnsafeMutableBytes { try $0.baseAddress.map { try file.read(.checksums, row: row, into: $0) } }
    let isWhole = checksum(tensor, of: image) == ContentDigest(sum)
    guard isWhole else {
      lock.withLock {
        guard index.rows[image] == row else { return }
        index.rows[image] = nil
        index.freeRows.append(row)
      }
      return nil
    }
    return tensor
  }

  /// The features of an image, from the file or else made and kept: [rowCount, width] in the identity's type.
  /// - Throws: `CarinaError.badData`, `.cannotWrite`.
  package func keeping(of image: ContentDigest, _ make: () throws -> Tensor) throws -> Tensor {
    if let features = try features(of: image) { return features }
    let made = try make().converted(to: identity.elementType)
    try keep(made, of: image)
    return made
  }

  /// Keeps the features of an image.
  /// - Throws: `CarinaError.cannotWrite`.
  package func keep(_ features: Tensor, of image: ContentDigest) throws {
    precondition(features.count == identity.rowCount * identity.width && features.elementType == identity.elementType)
    try lock.withLock {
      guard file.isWritable, index.rows[image] == nil else { return }
      if index.freeRows.isEmpty && index.rowCount == file.capacity.images {
        let missing = registered.reduce(0) { $0 + $1.images - kept(of: $1.name) }
        try grow(images: index.rowCount + max(missing, 16))
      }
      let row = index.freeRows.popLast() ?? index.rowCount
      try features.withHostBytes { try file.write(.features, row: row, $0) }
      try checksum(features, of: image).bytes.withUnsafeBytes { try file.write(.checksums, row: row, $0) }
      try image.bytes.withUnsafeBytes { try file.write(.digests, row: row, $0) }
      index.rows[image] = row
      index.rowCount = max(index.rowCount, row + 1)
    }
  }

  private func otherImage(_ row: Int, in shards: ShardDirectory) -> CarinaError {
    CarinaError(
      .badData, "an image is not the one whose features were kept", at: shards.path,
      found: "another in row \(row) of its shard",
      remedy: "The shard changed while it was in use; run preprocess verify, and start again.")
  }

  private func checksum(_ features: Tensor, of image: ContentDigest) -> ContentDigest {
    image.bytes.withUnsafeBytes { name in features.withHostBytes { ContentDigest(of: [name, $0]) } }
  }

  private func kept(of shard: ContentDigest) -> Int {
    index.images[shard]?.values.count { index.rows[$0] != nil } ?? 0
  }

  private func locate(_ row: Int, _ shards: ShardDirectory) throws -> (name: ContentDigest, row: Int) {
    let (shard, row) = shards.location(ofImage: row), text = shards.manifest.shards[shard].sha256
    guard let name = ContentDigest(hexadecimal: text) else {
      throw CarinaError(.badData, "the manifest's sha256 is no digest", at: shards.path, found: text)
    }
    return (name, row)
  }

  private func remember(_ name: ContentDigest, _ look: FeatureIndex.Look) throws {
    index.looks[name] = look
    let number = index.shardNumbers[name] ?? index.shardCount
    guard file.isWritable, number < file.capacity.shards else { return }
    try FeatureIndex.shardRecord(name, look).withUnsafeBytes { try file.write(.shards, row: number, $0) }
    index.shardNumbers[name] = number
    index.shardCount = max(index.shardCount, number + 1)
  }

  /// Puts a larger file with the same contents where this one is.
  private func grow(images: Int? = nil, shardRows: Int? = nil) throws {
    let old = file, rows = index.rowCount, shardRowCount = index.shardRowCount
    var capacity = old.capacity
    capacity.images = images ?? capacity.images
    capacity.shardRows = shardRows ?? capacity.shardRows
    var lock: FileLock?
    try AtomicFile.write(to: path) { temporary in
      try FeatureFile.create(temporary, identity: identity, capacity: capacity)
      // Held from before the file is there.
      lock = try FileLock(temporary)
      let target = try FeatureFile(temporary, identity: identity, lock: lock)
      let counts: [(FeatureFile.Table, Int)] = [
        (.digests, rows), (.checksums, rows), (.features, rows), (.shardRows, shardRowCount),
        (.shards, index.shardCount),
      ]
      for (table, count) in counts {
        var row = [UInt8](repeating: 0, count: FeatureFile.rowByteCount(table, identity))
        for number in 0..<count {
          try row.withUnsafeMutableBytes { try $0.baseAddress.map { try old.read(table, row: number, into: $0) } }
          try row.withUnsafeBytes { try target.write(table, row: number, $0) }
        }
      }
    }
    file = try FeatureFile(path, identity: identity, lock: lock)
  }
}
