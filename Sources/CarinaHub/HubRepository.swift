import CarinaRuntime
import Foundation

/// The directory of a model in the cache, while files come into it.
struct HubRepository {
  /// `models--ORG--NAME`, and where its locks are, as `huggingface_hub` has them.
  let root: String, locks: String
  /// The commit whose files come.
  let commit: String

  /// Where the content of a file is.
  func blob(_ file: HubFile) -> String { "\(root)/blobs/\(file.etag)" }

  private func partial(_ file: HubFile) -> String { blob(file) + ".incomplete" }

  /// Whether the content is there. Who wrote it has compared it with its checksum, or is `huggingface_hub`.
  func has(_ file: HubFile) -> Bool {
    guard let size = HubRepository.byteCount(blob(file)) else { return false }
    return file.byteCount.map { $0 == size } ?? true
  }

  /// How much of it an earlier try has brought.
  func partialByteCount(_ file: HubFile) -> Int { HubRepository.byteCount(partial(file)) ?? 0 }

  private static func byteCount(_ path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
  }

  /// Brings the content of a file, from where an earlier try stopped, and compares it with its checksum.
  /// - Parameter arrived: told how many bytes are there.
  /// - Throws: as `HubDownload.fetch`.
  func fetch(_ file: HubFile, of model: String, _ asking: HubAsking, arrived: (Int) -> Void) throws {
    try AtomicFile.makeDirectory("\(root)/blobs")
    try AtomicFile.makeDirectory(locks)
    var isWaiting = false
    let lock = try FileLock("\(locks)/\(file.etag).lock") {
      if !isWaiting { asking.onProgress(.remark("another process fetches \(file.name): waiting for it")) }
      isWaiting = true
      try asking.requireGoingOn()
    }
    // Another process may have brought it meanwhile.
    guard !has(file) else { return arrived(file.byteCount ?? 0) }
    let startedWith = partialByteCount(file)
    try read(file, of: model, asking, arrived)
    if let found = try mismatch(file) {
      unlink(partial(file))
      guard startedWith > 0 else { throw damage(file, model, found) }
      // What an earlier try left may have been another file.
      asking.onProgress(.remark("the part of \(file.name) that was there does not fit the rest: it is fetched anew"))
      try read(file, of: model, asking, arrived)
      if let found = try mismatch(file) {
        unlink(partial(file))
        throw damage(file, model, found)
      }
    }
    try DiskSync.file(partial(file))
    try DiskSync.move(partial(file), to: blob(file))
    withExtendedLifetime(lock) {}
  }

  private func damage(_ file: HubFile, _ model: String, _ found: String) -> CarinaError {
    CarinaError(
      .badData, "\(file.name) did not arrive as the hub has it", at: model, expected: file.etag, found: found,
      remedy: "Give the same command again; nothing of it was kept.")
  }

  private func read(_ file: HubFile, of model: String, _ asking: HubAsking, _ arrived: (Int) -> Void) throws {
    let path = partial(file)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw WriteFailure.error(path) }
    defer { close(descriptor) }
    var count = partialByteCount(file)
    func begin(at offset: Int) throws {
      guard ftruncate(descriptor, off_t(offset)) == 0, lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset)
      else {
        throw WriteFailure.error(path)
      }
      count = offset
    }
    if let whole = file.byteCount, count > whole { try begin(at: 0) }
    arrived(count)
    try asking.read(
      file, of: model, commit: commit, firstByte: { count }, begin: begin,
      body: { bytes in
        if let whole = file.byteCount, bytes.count > whole - count {
          throw CarinaError(
            .badData, "the hub sends more of \(file.name) than it says", at: model, expected: "\(whole) bytes",
            remedy: "Give the same command again.")
        }
        var piece = bytes
        while let start = piece.baseAddress, !piece.isEmpty {
          let written = write(descriptor, start, piece.count)
          if written < 0 && errno == EINTR { continue }
          guard written > 0 else { throw WriteFailure.error(path) }
          piece = UnsafeRawBufferPointer(rebasing: piece.dropFirst(written))
          count += written
        }
        arrived(count)
      })
  }

  /// What the checksum of the content that came is, where it is another; nil where it fits. Names of other kinds than the
  /// hub's two say nothing, and the length alone is compared.
  private func mismatch(_ file: HubFile) throws -> String? {
    let path = partial(file), found: String
    if let whole = file.byteCount, whole != partialByteCount(file) { return "\(partialByteCount(file)) bytes" }
    switch file.etag.count {
    case 64: found = try SHA256Digest.ofFile(path)
    case 40: found = try GitBlobDigest.ofFile(path)
    default: return nil
    }
    return found == file.etag.lowercased() ? nil : found
  }

  /// Puts links to the contents under the names of the files.
  /// - Throws: `CarinaError.cannotWrite`.
  func link(_ files: [HubFile]) throws {
    let snapshot = "\(root)/snapshots/\(commit)"
    try AtomicFile.makeDirectory(snapshot)
    for file in files {
      let path = "\(snapshot)/\(file.name)", target = "../../blobs/\(file.etag)"
      guard (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != target else { continue }
      let temporary = "\(path).\(getpid()).partial"
      unlink(temporary)
      guard symlink(target, temporary) == 0, rename(temporary, path) == 0 else { throw WriteFailure.error(path) }
    }
    try DiskSync.directory(snapshot)
  }
}
