import CarinaTensor
import Foundation

extension WeightsDirectory {
  private static let pieceCount = 1 << 22

  /// Whether two tensors have the same shape and the same numbers, whatever the types they are stored in; nil where
  /// one is absent or stored in a way that cannot be computed with.
  package func haveEqualNumbers(_ first: String, _ second: String) -> Bool? {
    guard let left = find(first), let right = find(second) else { return nil }
    guard left.entry.shape == right.entry.shape else { return false }
    if left.entry.element == right.entry.element, bytesAreEqual(left, right) { return true }
    let backend = CPUBackend()
    guard let a = try? left.file.tensor(left.entry, on: backend),
      let b = try? right.file.tensor(right.entry, on: backend)
    else { return nil }
    let sources = (TensorSource(a), TensorSource(b))
    for start in stride(from: 0, to: a.count, by: Self.pieceCount) {
      let range = start..<min(a.count, start + Self.pieceCount)
      let pieces = [sources.0, sources.1].map { $0.piece(range).converted(to: .float32) }
      let isEqual = pieces[0].withHostBytes { left in
        pieces[1].withHostBytes { right in
          left.bindMemory(to: Float.self).elementsEqual(right.bindMemory(to: Float.self))
        }
      }
      guard isEqual else { return false }
    }
    return true
  }

  private func bytesAreEqual(
    _ left: (file: SafetensorsFile, entry: SafetensorsEntry), _ right: (file: SafetensorsFile, entry: SafetensorsEntry)
  ) -> Bool {
    left.file.withBytes(of: left.entry) { first in
      right.file.withBytes(of: right.entry) { second in
        guard let firstStart = first.baseAddress, let secondStart = second.baseAddress else { return true }
        return memcmp(firstStart, secondStart, first.count) == 0
      }
    }
  }
}
