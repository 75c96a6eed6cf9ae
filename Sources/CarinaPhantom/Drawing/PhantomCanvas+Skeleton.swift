import Foundation

extension PhantomCanvas {
  /// Ribs, spine, clavicles, shoulder blades and the heads of the upper arms.
  func paintSkeleton(_ chest: PhantomChest) {
    let density = Float(chest.scene.anatomy.boneDensity)
    for lung in chest.lungs {
      for number in 0..<10 { paintRib(number, lung, chest, density) }
      paintClavicle(lung, chest.scene.view, density)
      paintShoulder(lung, chest.scene.view, density)
    }
    paintSpine(chest, density)
  }

  /// One rib: the posterior part arches from the spine to the side, the anterior part comes back, steeper and fainter.
  private func paintRib(_ number: Int, _ lung: PhantomLung, _ chest: PhantomChest, _ density: Float) {
    let anatomy = chest.scene.anatomy
    let root = lung.apex + 0.012 + Float(number) * Float(anatomy.ribSpacing)
    let fall = Float(anatomy.ribFall) * (0.5 + 0.09 * Float(number))
    let end = root + fall
    let reach = max(0.14, lung.wall(end)) + 0.012
    let half: Float = 0.0125
    paint(lung.box(0.02, root - 0.06, reach + 0.01, end + 0.04)) { index, point in
      let t = lung.distance(point.x) / reach
      guard t > 0.06, t < 1.02 else { return }
      let curve = root - 0.05 * t * (1 - t) + fall * t * t * (0.55 + 0.45 * t)
      let slope = (-0.05 * (1 - 2 * t) + fall * t * (1.1 + 1.35 * t)) / reach
      mass[index] += 0.085 * density * tube(point.y - curve, slope, half)
    }
    guard number < 7 else { return }
    let inner = 0.36 * reach
    let drop: Float = 0.15 + 0.008 * Float(number)
    paint(lung.box(inner - 0.02, end - 0.02, reach + 0.01, end + drop + 0.05)) { index, point in
      let s = (reach - lung.distance(point.x)) / (reach - inner)
      guard s > 0, s < 1 else { return }
      let curve = end + drop * (1.25 * s.squareRoot() * 0.5 + 0.375 * s)
      let slope = drop * (0.3125 / max(0.05, s.squareRoot()) + 0.375) / (reach - inner)
      let fade = min(1, 2.5 * (1 - s))
      mass[index] += 0.036 * density * fade * tube(point.y - curve, slope, half * 1.1)
    }
  }

  /// A bone's shadow across its axis: brighter at both edges, where the beam meets more of the hard shell.
  @inline(__always)
  private func tube(_ offset: Float, _ slope: Float, _ half: Float) -> Float {
    let across = abs(offset) / (1 + slope * slope).squareRoot()
    let q = min(1, across / half)
    return coverage(half - across, softness: 0.006) * (0.72 + 0.4 * q * q)
  }

  /// 1 inside the body, 0 outside, where there are no bones.
  @inline(__always)
  private func trunk(_ index: Int) -> Float { min(1, mass[index] * 8) }

  private func paintClavicle(_ lung: PhantomLung, _ view: PhantomView, _ density: Float) {
    let sternal: Float = lung.apex + (view == .ap ? 0.045 : 0.115)
    let rise: Float = view == .ap ? 0.035 : 0.085
    paint(lung.box(0.03, sternal - rise - 0.06, 0.46, sternal + 0.05)) { index, point in
      let s = (lung.distance(point.x) - 0.04) / 0.38
      guard s > 0, s < 1 else { return }
      let curve = sternal - rise * s + 0.012 * sin(6.28 * s)
      let slope = (-rise + 0.075 * cos(6.28 * s)) / 0.38
      let half = 0.0145 + 0.007 * (2 * s - 1) * (2 * s - 1)
      let ends = coverage(0.38 * min(s, 1 - s) - 0.008, softness: 0.02)
      mass[index] += 0.15 * density * ends * tube(point.y - curve, slope, half)
    }
  }

  private func paintShoulder(_ lung: PhantomLung, _ view: PhantomView, _ density: Float) {
    let ap = view == .ap
    let top = (distance: ap ? Float(0.235) : 0.385, y: Float(0.19))
    let tip = (distance: ap ? Float(0.305) : 0.415, y: Float(0.52))
    let strength: Float = (ap ? 0.085 : 0.05) * density
    paint(lung.box(top.distance - 0.02, top.y - 0.03, 0.54, tip.y + 0.03)) { index, point in
      let distance = lung.distance(point.x)
      let s = (point.y - top.y) / (tip.y - top.y)
      let border = top.distance + (tip.distance - top.distance) * s * (0.6 + 0.4 * s)
      let outer = top.distance + 0.25 - 0.17 * max(0, s)
      let inside = min(min(distance - border, outer - distance), min(point.y - top.y, tip.y - point.y))
      let blade = coverage(inside - 0.01, softness: 0.025)
      let edge = coverage(0.007 - abs(distance - border), softness: 0.006) * coverage(min(s, 1 - s), softness: 0.1)
      mass[index] += strength * (0.6 * blade + 0.9 * edge) * trunk(index)
    }
    let head = (distance: Float(0.485), y: Float(0.2))
    paint(lung.box(head.distance - 0.07, head.y - 0.07, head.distance + 0.07, head.y + 0.07)) { index, point in
      let dx = lung.distance(point.x) - head.distance
      let dy = point.y - head.y
      let bone = coverage(0.05 - (dx * dx + dy * dy).squareRoot(), softness: 0.025)
      mass[index] += 0.1 * density * bone * trunk(index)
    }
  }

  /// Vertebral bodies with darker discs between them, pedicles and spinous processes.
  private func paintSpine(_ chest: PhantomChest, _ density: Float) {
    let spacing = Float(chest.scene.anatomy.ribSpacing)
    paint(PhantomBox(left: 0.43, top: -0.1, right: 0.57, bottom: 1.1)) { index, point in
      let distance = abs(point.x - 0.5)
      let column = coverage(0.041 - distance, softness: 0.012)
      guard column > 0 else { return }
      let position = point.y / spacing
      let phase = position - position.rounded(.down) - 0.5
      let disc = coverage(abs(phase) - 0.4, softness: 0.12)
      let dx = (distance - 0.024) / 0.008
      let dy = phase / 0.17
      let pedicle = max(0, 1 - (dx * dx + dy * dy))
      let process = coverage(0.006 - distance, softness: 0.006) * coverage(0.25 - abs(phase), softness: 0.1)
      mass[index] += density * column * (0.11 - 0.045 * disc + 0.06 * pedicle + 0.04 * process)
    }
  }
}
