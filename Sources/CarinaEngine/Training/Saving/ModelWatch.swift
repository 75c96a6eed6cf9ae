import CarinaRuntime
import CarinaText
import Foundation

/// Files of a model that a run reads as it goes: notices when somebody replaces or overwrites them.
///
/// The system is asked for size, inode and times of each file, which costs nothing; only where these are others are
/// the contents looked at again, so that a copy that was put back is no harm.
package struct ModelWatch {
  private let what: String
  private let identity: () throws -> String
  private let expected: String
  private let files: [(path: String, status: Status)]

  /// What the system says of a file.
  private struct Status: Equatable {
    var device: UInt64 = 0, inode: UInt64 = 0, byteCount = 0
    var changed: [Int] = []

    init(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return }
      (device, inode, byteCount) = (UInt64(status.st_dev), UInt64(status.st_ino), Int(status.st_size))
      changed = [
        status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
      ]
    }
  }

  /// Begins to watch weights that were opened.
  /// - Throws: `CarinaError.badData` when they have changed since.
  package init(_ weights: WeightsDirectory) throws {
    let path = weights.path
    what = "weights"
    files = weights.files.map { ($0.path, Status($0.path)) }
    expected = "fingerprint \(weights.sampledFingerprint())"
    identity = { "fingerprint \(try WeightsDirectory(path: path).sampledFingerprint())" }
    try compare(files.map(\.path))
  }

  /// Begins to watch the tokenizer of a model, which is copied whenever the model is written.
  /// - Throws: as `SHA256Digest.ofFile`.
  package init(tokenizerOf directory: ModelDirectory) throws {
    what = "tokenizer"
    files = TokenizerFactory.fileNames.map { (directory.file($0), Status(directory.file($0))) }
    identity = {
      let sums = try TokenizerFactory.fileNames.filter(directory.has).map {
        "\($0) \(try SHA256Digest.ofFile(directory.file($0)))"
      }
      return "SHA-256 \(SHA256Digest.of(sums.joined(separator: "\n")))"
    }
    expected = try identity()
  }

  /// Refuses files that are not those of the beginning.
  /// - Throws: `CarinaError.badData` naming the file.
  package func require() throws {
    let changed = files.filter { $0.status != Status($0.path) }.map(\.path)
    if !changed.isEmpty { try compare(changed) }
  }

  private func compare(_ suspects: [String]) throws {
    let found: String
    do {
      found = try identity()
    } catch {
      found = (error as? CarinaError)?.what ?? "\(error)"
    }
    guard found != expected else { return }
    throw CarinaError(
      .badData, "the files of the \(what) were replaced or changed while the run read them",
      at: suspects.joined(separator: ", "), expected: expected, found: found,
      remedy: "Put the original file back and run the same command again: it goes on from what was saved.")
  }
}
