import Foundation

/// The planes that the shapes of one radiograph are painted on, and the way from pixels to the patient's frame.
///
/// Shapes are formulas evaluated at pixel centres; edges are softened over at least one pixel, which is what
/// sampling each pixel many times would give, at a fraction of the work. So a scene can be drawn at any size.
final class PhantomCanvas {
  /// Pixels a side.
  let size: Int
  /// One pixel in the patient's frame.
  let pixel: Float
  /// How much air the beam crosses, from 0 to about 1.3.
  let air: UnsafeMutableBufferPointer<Float>
  /// What is added to or taken from the tissue that the beam crosses.
  let mass: UnsafeMutableBufferPointer<Float>
  /// Metal and plastic, painted over the finished radiograph.
  let metal: UnsafeMutableBufferPointer<Float>
  private let storage: UnsafeMutablePointer<Float>
  private let cosine: Float
  private let sine: Float
  private let zoom: Float
  private let shift: PhantomPoint

  /// Blank planes for a picture of `size × size` pixels.
  init(size: Int, acquisition: PhantomAcquisition) {
    self.size = size
    let count = size * size
    storage = .allocate(capacity: 3 * count)
    storage.initialize(repeating: 0, count: 3 * count)
    air = UnsafeMutableBufferPointer(start: storage, count: count)
    mass = UnsafeMutableBufferPointer(start: storage + count, count: count)
    metal = UnsafeMutableBufferPointer(start: storage + 2 * count, count: count)
    zoom = Float(1 / acquisition.zoom)
    cosine = Float(cos(acquisition.rotation))
    sine = Float(sin(acquisition.rotation))
    shift = PhantomPoint(x: Float(acquisition.shiftX), y: Float(acquisition.shiftY))
    pixel = zoom / Float(size)
  }

  deinit { storage.deallocate() }

  /// Calls `body` with the index and position of each pixel that may lie in `box`.
  @inline(__always)
  func paint(_ box: PhantomBox, _ body: (Int, PhantomPoint) -> Void) {
    var left = Float.infinity
    var top = Float.infinity
    var right = -Float.infinity
    var bottom = -Float.infinity
    for (x, y) in [(box.left, box.top), (box.right, box.top), (box.left, box.bottom), (box.right, box.bottom)] {
      let corner = pixelPosition(PhantomPoint(x: x, y: y))
      left = min(left, corner.x)
      right = max(right, corner.x)
      top = min(top, corner.y)
      bottom = max(bottom, corner.y)
    }
    let limit = Float(size - 1)
    let columns = (first: Int(max(0, (left - 1).rounded(.down))), last: Int(min(limit, (right + 1).rounded(.up))))
    let rows = (first: Int(max(0, (top - 1).rounded(.down))), last: Int(min(limit, (bottom + 1).rounded(.up))))
    guard columns.first <= columns.last, rows.first <= rows.last else { return }
    let stepX = cosine * pixel
    let stepY = -sine * pixel
    for row in rows.first...rows.last {
      var point = position(column: columns.first, row: row)
      var index = row * size + columns.first
      for _ in columns.first...columns.last {
        body(index, point)
        index += 1
        point.x += stepX
        point.y += stepY
      }
    }
  }

  /// Calls `body` for every pixel.
  @inline(__always)
  func paintAll(_ body: (Int, PhantomPoint) -> Void) {
    paint(PhantomBox(left: -2, top: -2, right: 3, bottom: 3), body)
  }

  /// How much of a pixel lies inside an edge: `distance` is positive inside; the edge is `softness` wide.
  @inline(__always)
  func coverage(_ distance: Float, softness: Float = 0) -> Float {
    let t = min(1, max(0, 0.5 + distance / max(softness, pixel)))
    return t * t * (3 - 2 * t)
  }

  private func position(column: Int, row: Int) -> PhantomPoint {
    let x = (Float(column) + 0.5) / Float(size) - 0.5 - shift.x
    let y = (Float(row) + 0.5) / Float(size) - 0.5 - shift.y
    return PhantomPoint(x: 0.5 + zoom * (cosine * x + sine * y), y: 0.5 + zoom * (cosine * y - sine * x))
  }

  private func pixelPosition(_ point: PhantomPoint) -> PhantomPoint {
    let x = (point.x - 0.5) / zoom
    let y = (point.y - 0.5) / zoom
    return PhantomPoint(
      x: (cosine * x - sine * y + shift.x + 0.5) * Float(size) - 0.5,
      y: (sine * x + cosine * y + shift.y + 0.5) * Float(size) - 0.5)
  }
}
