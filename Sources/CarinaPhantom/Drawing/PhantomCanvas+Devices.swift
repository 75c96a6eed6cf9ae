import Foundation

extension PhantomCanvas {
  /// The device, if there is one.
  func paintDevice(_ chest: PhantomChest) {
    switch chest.findings.device {
    case nil: break
    case .endotrachealTube:
      let tip = chest.right.y(0.29) + 0.012 * chest.offset(0)
      paintTube([(0.497, -0.1), (0.498, 0.1), (0.494, tip)], half: 0.02, strength: 0.9)
    case .gastricTube:
      let dome = chest.left.dome
      paintTube(
        [
          (0.505, -0.1), (0.51, 0.3), (0.505, dome - 0.06), (0.545, dome + 0.06), (0.63, dome + 0.12),
          (0.7, dome + 0.09),
        ],
        half: 0.0105, strength: 0.95)
    case .centralLine(let side):
      let lung = chest.lung(side)
      let vein = chest.right.x(0.042)
      let shoulder = lung.apex + 0.13 + 0.01 * chest.offset(0)
      let entry = [
        (lung.x(0.33), shoulder + 0.02), (lung.x(0.26), shoulder - 0.035), (lung.x(0.16), shoulder - 0.05),
        (lung.x(0.08), shoulder - 0.035),
      ]
      let end = [(vein, shoulder + (side == .right ? 0.02 : 0.04)), (vein - 0.003, chest.right.y(0.5))]
      paintTube(entry + end, half: 0.0105, strength: 0.92)
    case .pacemaker(let side):
      let lung = chest.lung(side)
      let box = (distance: 0.31 + 0.012 * chest.offset(0), y: lung.apex + 0.155)
      paintGenerator(lung, box.distance, box.y)
      let vein = chest.right.x(0.035)
      paintTube(
        [
          (lung.x(box.distance - 0.03), box.y - 0.03), (lung.x(0.2), lung.apex + 0.075),
          (lung.x(0.1), lung.apex + 0.08),
          (vein, lung.apex + 0.16), (vein - 0.012, chest.right.y(0.7)), (0.5, chest.left.dome - 0.02),
          (0.56, chest.left.dome - 0.015),
        ],
        half: 0.0065, strength: 0.88)
    }
  }

  /// A rounded box, denser at its rim.
  private func paintGenerator(_ lung: PhantomLung, _ distance: Float, _ y: Float) {
    paint(lung.box(distance - 0.07, y - 0.07, distance + 0.07, y + 0.07)) { index, point in
      let dx = max(0, abs(lung.distance(point.x) - distance) - 0.018)
      let dy = max(0, abs(point.y - y) - 0.022)
      let depth = 0.026 - (dx * dx + dy * dy).squareRoot()
      metal[index] = max(metal[index], 0.92 * coverage(depth, softness: 0.005))
    }
  }

  /// A smooth line through points (a Catmull–Rom curve cut into short pieces).
  private func paintTube(_ points: [(Float, Float)], half: Float, strength: Float) {
    guard let first = points.first, let last = points.last else { return }
    let all = [first] + points + [last]
    var previous = first
    for i in 1..<(all.count - 2) {
      let (a, b, c, d) = (all[i - 1], all[i], all[i + 1], all[i + 2])
      for step in 1...8 {
        let t = Float(step) / 8
        let next = (spline(a.0, b.0, c.0, d.0, t), spline(a.1, b.1, c.1, d.1, t))
        paintPiece(previous, next, half, strength)
        previous = next
      }
    }
  }

  private func spline(_ a: Float, _ b: Float, _ c: Float, _ d: Float, _ t: Float) -> Float {
    let linear = (c - a) * t
    let square = (2 * a - 5 * b + 4 * c - d) * t * t
    let cube = (3 * b - a - 3 * c + d) * t * t * t
    return b + 0.5 * (linear + square + cube)
  }

  private func paintPiece(_ from: (Float, Float), _ to: (Float, Float), _ half: Float, _ strength: Float) {
    let dx = to.0 - from.0
    let dy = to.1 - from.1
    let squared = max(1e-9, dx * dx + dy * dy)
    let margin = half + pixel
    let box = PhantomBox(
      left: min(from.0, to.0) - margin, top: min(from.1, to.1) - margin, right: max(from.0, to.0) + margin,
      bottom: max(from.1, to.1) + margin)
    paint(box) { index, point in
      let t = min(1, max(0, ((point.x - from.0) * dx + (point.y - from.1) * dy) / squared))
      let ox = point.x - from.0 - t * dx
      let oy = point.y - from.1 - t * dy
      let across = (ox * ox + oy * oy).squareRoot()
      let q = min(1, across / half)
      let inside = coverage(half - across, softness: 0.004) * (0.7 + 0.3 * q * q)
      metal[index] = max(metal[index], strength * inside)
    }
  }

  /// The technician's lead letters in the upper corner on the patient's left: an L, and AP below it where it applies.
  func paintMarker(_ view: PhantomView) {
    let left: Float = 0.93
    let top: Float = 0.05
    paintStroke((left, top), (left, top + 0.05))
    paintStroke((left, top + 0.05), (left + 0.028, top + 0.05))
    guard view == .ap else { return }
    let line = top + 0.075
    paintStroke((left - 0.035, line + 0.04), (left - 0.02, line))
    paintStroke((left - 0.02, line), (left - 0.005, line + 0.04))
    paintStroke((left - 0.03, line + 0.026), (left - 0.01, line + 0.026))
    paintStroke((left + 0.01, line), (left + 0.01, line + 0.04))
    paintStroke((left + 0.01, line), (left + 0.028, line + 0.01))
    paintStroke((left + 0.028, line + 0.01), (left + 0.01, line + 0.021))
  }

  private func paintStroke(_ from: (Float, Float), _ to: (Float, Float)) {
    paintPiece(from, to, 0.005, 0.9)
  }
}
