/// Smooth noise that depends on the position and not on the resolution: random values on the points of a square
/// lattice, blended in between.
struct PhantomTexture {
  private let seed: UInt32

  init(seed: UInt64) { self.seed = UInt32(truncatingIfNeeded: seed ^ (seed >> 32)) }

  /// A value from 0 to 1 at a position, in units of the lattice.
  @inline(__always)
  func value(_ x: Float, _ y: Float) -> Float {
    let floorX = x.rounded(.down)
    let floorY = y.rounded(.down)
    let column = Int32(floorX)
    let row = Int32(floorY)
    let u = smoothStep(x - floorX)
    let v = smoothStep(y - floorY)
    let top = corner(column, row) * (1 - u) + corner(column &+ 1, row) * u
    let bottom = corner(column, row &+ 1) * (1 - u) + corner(column &+ 1, row &+ 1) * u
    return top * (1 - v) + bottom * v
  }

  @inline(__always)
  private func corner(_ column: Int32, _ row: Int32) -> Float {
    var hash = seed ^ (UInt32(bitPattern: column) &* 0x9e37_79b1) ^ (UInt32(bitPattern: row) &* 0x85eb_ca77)
    hash = (hash ^ (hash >> 15)) &* 0x2c1b_3c6d
    hash = (hash ^ (hash >> 12)) &* 0x297a_2d39
    hash ^= hash >> 15
    return Float(hash >> 8) * 0x1p-24
  }
}
