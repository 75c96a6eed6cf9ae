import CarinaRuntime
import Foundation

/// Weights on disk that a run reads as it goes: notices when somebody replaces or overwrites them.
///
/// The system is asked for size, inode and times of each file, which costs nothing; only where these are others is the
/// fingerprint taken again, so that a copy that was put back is no harm.
package struct WeightsWatch {
  private let path: String
  private let fingerprint: Fingerprint
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
    path = weights.path
    files = weights.files.map { ($0.path, Status($0.path)) }
    fingerprint = weights.sampledFingerprint()
    try compare(files.map(\.path))
  }

  /// Refuses weights that are not those of the beginning.
  /// - Throws: `CarinaError.badData` naming the file.
  package func require() throws {
    let changed = files.filter { $0.status != Status($0.path) }.map(\.path)
    if !changed.isEmpty { try compare(changed) }
  }

  private func compare(_ suspects: [String]) throws {
    let found = Result { try WeightsDirectory(path: path).sampledFingerprint() }
    if case .success(fingerprint) = found { return }
    let description =
      switch found {
      case .success(let other): "fingerprint \(other)"
      case .failure(let error): (error as? CarinaError)?.what ?? "\(error)"
      }
    throw CarinaError(
      .badData, "the weights were replaced or changed while the run read them",
      at: suspects.joined(separator: ", "), expected: "fingerprint \(fingerprint)", found: description,
      remedy: "Put the original file back and run the same command again: it goes on from the last checkpoint.")
  }
}
