import CarinaRuntime
import Foundation

/// The frames of a `.wandb` file: those of LevelDB's log (`log_format.md`) with a header of its own and zlib's CRC-32
/// (`wandb/sdk/internal/datastore.py`).
///
///     var log = WandbRecordLog()
///     var bytes = log.header
///     bytes += log.frames(record)
package struct WandbRecordLog {
  private static let blockByteCount = 32768, headByteCount = 7
  private enum Part: UInt8 {
    case full = 1
    case first, middle, last
  }

  private var offset = 7

  /// A file that is about to begin.
  package init() {}

  /// What a file begins with.
  package let header = Data(":W&B".utf8) + Data([0xE1, 0xBE, 0])

  /// A record in as many frames as the blocks ask for.
  package mutating func frames(_ record: [UInt8]) -> Data {
    var frames = Data(), rest = record[...], isFirst = true
    repeat {
      var room = Self.blockByteCount - offset % Self.blockByteCount
      if room < Self.headByteCount {
        frames.append(Data(count: room))
        offset += room
        room = Self.blockByteCount
      }
      let piece = rest.prefix(room - Self.headByteCount)
      rest = rest.dropFirst(piece.count)
      let part: Part = isFirst ? (rest.isEmpty ? .full : .first) : (rest.isEmpty ? .last : .middle)
      frames.append(Self.frame(Array(piece), part))
      offset += Self.headByteCount + piece.count
      isFirst = false
    } while !rest.isEmpty
    return frames
  }

  private static func frame(_ piece: [UInt8], _ part: Part) -> Data {
    let checked = [part.rawValue] + piece
    let checksum = checked.withUnsafeBytes { CRC32.of($0) }
    var frame = withUnsafeBytes(of: checksum.littleEndian) { Data($0) }
    withUnsafeBytes(of: UInt16(piece.count).littleEndian) { frame.append(contentsOf: $0) }
    frame.append(contentsOf: checked)
    return frame
  }
}
