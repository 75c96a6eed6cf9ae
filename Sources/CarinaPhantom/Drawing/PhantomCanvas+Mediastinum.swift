import Foundation

extension PhantomCanvas {
  /// Heart, great vessels and mediastinum push the air aside; the airways lie in them as dark bands.
  func paintMediastinum(_ chest: PhantomChest) {
    let anatomy = chest.scene.anatomy
    let wide = Float(anatomy.mediastinum) * (chest.scene.view == .ap ? 1.12 : 1)
    let knob = (x: Float(0.5) + wide * 0.62, y: chest.left.y(0.36), radius: Float(anatomy.aorticKnob))
    let base = chest.left.y(0.62)
    let cardiac = Ellipse.heart(chest)
    let atrium = Ellipse.atrium(chest)
    let pulmonary = Ellipse.pulmonaryTrunk(chest, top: knob.y)
    let floor = chest.right.dome
    paint(PhantomBox(left: 0.02, top: -0.1, right: 0.98, bottom: 1.1)) { index, point in
      let distance = point.x - 0.5
      // The upper mediastinum is narrowest at the level of the airway's fork.
      let waist = wide * (0.8 + 0.35 * smoothStep((point.y - base) / 0.2)) * (point.y < 0.16 ? 0.92 : 1)
      let skew: Float = distance < 0 ? 0.85 : 1
      let column = coverage(waist * skew - abs(distance), softness: 0.02)
      let kx = point.x - knob.x
      let ky = point.y - knob.y
      let arch = coverage(knob.radius - (kx * kx + ky * ky).squareRoot(), softness: 0.02)
      let heart = coverage(cardiac.depth(point), softness: 0.02)
      let auricle = coverage(atrium.depth(point), softness: 0.02)
      let trunk = coverage(pulmonary.depth(point), softness: 0.025)
      let pump = 1 - (1 - heart) * (1 - auricle) * (1 - trunk)
      let solid = 1 - (1 - column) * (1 - arch) * (1 - pump)
      guard solid > 0 else { return }
      air[index] *= 1 - solid
      let above = coverage(floor + 0.12 - point.y, softness: 0.15)
      mass[index] = mass[index] * (1 - solid) + 0.06 * pump * above + 0.03 * arch
    }
    paintAirways(chest)
  }

  private func paintAirways(_ chest: PhantomChest) {
    let fork = chest.right.y(0.42)
    paint(PhantomBox(left: 0.45, top: -0.1, right: 0.55, bottom: fork)) { index, point in
      let inside = coverage(0.021 - abs(point.x - 0.5 + 0.004), softness: 0.01)
      mass[index] -= 0.13 * inside * coverage(fork - point.y, softness: 0.03)
    }
    for lung in chest.lungs {
      let length: Float = lung.side == .right ? 0.075 : 0.1
      let slope: Float = lung.side == .right ? 1.05 : 0.75
      paint(lung.box(-0.02, fork - 0.05, length, fork + 0.13)) { index, point in
        let t = lung.distance(point.x) / length
        guard t > -0.1, t < 1 else { return }
        let across = abs(point.y - fork + 0.012 - slope * t * length) / (1 + slope * slope).squareRoot()
        mass[index] -= 0.085 * (1 - max(0, t)) * coverage(0.014 - across, softness: 0.01)
      }
    }
  }
}

/// A tilted ellipse.
private struct Ellipse {
  let x: Float
  let y: Float
  let long: Float
  let short: Float
  let cosine: Float
  let sine: Float

  /// The left ventricle and most of the shadow: from the middle towards the left dome.
  static func heart(_ chest: PhantomChest) -> Ellipse {
    let tilt = Float(chest.scene.anatomy.heartTilt)
    let half = chest.heartHalfWidth
    let long = half * 0.94
    let short = half * 0.69
    let reach = (long * cos(tilt) * long * cos(tilt) + short * sin(tilt) * short * sin(tilt)).squareRoot()
    // The left border stands at 0.66 of the width from the midline.
    let x = 0.5 + 1.32 * half - reach
    let drop = (long * sin(tilt) * long * sin(tilt) + short * cos(tilt) * short * cos(tilt)).squareRoot()
    let y = chest.left.dome + 0.045 - drop
    return Ellipse(x: x, y: y, long: long, short: short, cosine: cos(tilt), sine: sin(tilt))
  }

  /// The right atrium: the bulge on the right of the midline.
  static func atrium(_ chest: PhantomChest) -> Ellipse {
    let half = chest.heartHalfWidth
    let height = half * 0.7
    return Ellipse(
      x: 0.5 - 0.68 * half + half * 0.5, y: chest.right.dome + 0.01 - height * 0.75, long: height, short: half * 0.5,
      cosine: 0, sine: 1)
  }

  /// The pulmonary trunk and the left atrium's ear: from the aortic knob down to the left ventricle.
  static func pulmonaryTrunk(_ chest: PhantomChest, top: Float) -> Ellipse {
    let half = chest.heartHalfWidth
    let bottom = chest.left.dome - 0.35 * half
    return Ellipse(
      x: 0.5 + 0.24 * half, y: 0.5 * (top + bottom) + 0.02, long: 0.5 * (bottom - top) + 0.02, short: 0.42 * half,
      cosine: cos(1.25), sine: sin(1.25))
  }

  /// About the way to the edge, positive inside.
  @inline(__always)
  func depth(_ point: PhantomPoint) -> Float {
    let dx = point.x - x
    let dy = point.y - y
    let u = (dx * cosine + dy * sine) / long
    let v = (dy * cosine - dx * sine) / short
    return (1 - (u * u + v * v).squareRoot()) * short
  }
}
