import Foundation

/// The shape of one lung field, in distance from the midline (growing outwards) and height.
struct PhantomLung {
  /// Which.
  let side: PhantomSide
  /// Where the midline is.
  let midline: Float
  /// The apex, from the upper edge.
  let apex: Float
  /// From the midline to the chest wall at its widest.
  let halfWidth: Float
  /// The top of the diaphragm's dome.
  let dome: Float
  /// Where the wall stops widening.
  private let widest: Float
  /// Distance from the midline of the apex' middle.
  private let apexAxis: Float

  init(_ side: PhantomSide, scene: PhantomScene) {
    let anatomy = scene.anatomy
    let acquisition = scene.acquisition
    self.side = side
    midline = 0.5
    apex = Float(anatomy.apexHeight)
    halfWidth = Float(anatomy.lungHalfWidth * (1 + (side == .left ? 1 : -1) * acquisition.turn))
    let top = Float(anatomy.domeHeight - acquisition.expiration)
    dome = side == .left ? top + Float(anatomy.domeDifference) : top
    widest = 0.6
    apexAxis = 0.135
  }

  /// From the apex to the top of the dome.
  var height: Float { dome - apex }

  /// The distance of a point from the midline, positive on this side.
  @inline(__always)
  func distance(_ x: Float) -> Float { (x - midline) * side.direction }

  /// The x of the point at a distance from the midline on this side.
  func x(_ distance: Float) -> Float { midline + distance * side.direction }

  /// The height of a fraction of the way from apex (0) to dome (1).
  func y(_ fraction: Float) -> Float { apex + fraction * height }

  /// The box between two distances from the midline and two heights.
  func box(_ near: Float, _ top: Float, _ far: Float, _ bottom: Float) -> PhantomBox {
    PhantomBox(left: min(x(near), x(far)), top: top, right: max(x(near), x(far)), bottom: bottom)
  }

  /// From the midline to the inner chest wall at a height.
  @inline(__always)
  func wall(_ y: Float) -> Float {
    if y >= widest { return halfWidth - 0.25 * (y - widest) * (y - widest) }
    let v = min(1, (widest - y) / (widest - apex))
    let v2 = v * v
    return apexAxis + (halfWidth - apexAxis) * max(0, 1 - v2 * v.squareRoot()).squareRoot()
  }

  /// The height of the diaphragm at a distance from the midline.
  @inline(__always)
  func diaphragm(_ distance: Float) -> Float {
    let e = distance / halfWidth - 0.45
    return e < 0 ? dome + 0.16 * e * e : dome + 0.42 * e * e * (1 + 0.6 * e)
  }

  /// How deep a point lies inside the lung: the way to the nearest of chest wall, apex and diaphragm; negative outside.
  @inline(__always)
  func depth(_ distance: Float, _ y: Float) -> Float {
    let above = diaphragm(distance) - y
    return min(side(distance, y), above * 0.85)
  }

  @inline(__always)
  private func side(_ distance: Float, _ y: Float) -> Float {
    guard y < widest else { return wall(y) - distance }
    let v = (widest - y) / (widest - apex)
    let dy = widest - y
    let dx = distance - apexAxis
    let u = dx > 0 ? dx / (halfWidth - apexAxis) : -dx / (apexAxis + 0.02)
    // The superellipse u² + v^2.5 = 1, with the way to it measured along the ray from its middle.
    let level = u * u + v * v * abs(v).squareRoot()
    let ray = (dx * dx + dy * dy).squareRoot()
    return level > 1e-6 ? ray * (1 / level.squareRoot() - 1) * 0.9 : halfWidth
  }
}
