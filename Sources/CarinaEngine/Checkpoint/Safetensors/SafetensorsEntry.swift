/// One tensor of a safetensors file: its name, how it is stored, and where.
package struct SafetensorsEntry: Equatable, Sendable {
  /// The name in the file.
  package let name: String
  /// How its numbers are stored.
  package let element: SafetensorsElement
  /// Lengths of the dimensions, slowest first.
  package let shape: [Int]
  /// Its bytes in the file, counted from the file's beginning.
  package let byteRange: Range<Int>

  /// How many numbers.
  package var count: Int { shape.reduce(1, *) }
}
