import Foundation

extension PhantomCanvas {
  /// Air around a collapsed lung: no vessels outside the pleural line, a little more density inside.
  func paintPneumothorax(_ chest: PhantomChest) {
    guard let side = chest.findings.pneumothorax else { return }
    let lung = chest.lung(side)
    let width = lung.halfWidth * (0.4 + 0.04 * chest.offset(0))
    paint(lung.box(0.02, lung.apex - 0.02, lung.halfWidth + 0.03, lung.dome + 0.25)) { index, point in
      let distance = lung.distance(point.x)
      guard distance > 0 else { return }
      // The lung falls towards its root: the gap is widest at the apex and beside the upper lung.
      let gap = width * (1 - 0.35 * smoothStep((point.y - lung.y(0.3)) / lung.height))
      let wall = lung.wall(point.y) - distance
      let apical = (point.y - lung.apex) * 0.9
      let h = min(1, max(0, 0.5 + (apical - wall) / 0.36))
      // A minimum with a rounded corner: the lung's shoulder.
      let depth = apical + (wall - apical) * h - 0.18 * h * (1 - h) - gap * 0.82
      let outside = coverage(-depth, softness: 0.006)
      let inside = lung.depth(distance, point.y)
      let field = coverage(inside, softness: 0.012)
      let line = coverage(0.005 - abs(depth), softness: 0.006) * field
      mass[index] = mass[index] * (1 - outside) + 0.13 * line + 0.085 * (1 - outside) * field
      air[index] = air[index] * (1 - outside) + outside * field * 1.16
    }
  }

  /// Consolidation and nodule, in their zones.
  func paintLungFindings(_ chest: PhantomChest) {
    if let zone = chest.findings.consolidation { paintConsolidation(zone, chest) }
    if let zone = chest.findings.nodule { paintNodule(zone, chest) }
  }

  private func paintConsolidation(_ zone: PhantomZone, _ chest: PhantomChest) {
    let lung = chest.lung(zone.side)
    let middle = center(of: zone, chest, chest.offset(1), chest.offset(2))
    let radius = 0.098 + 0.014 * chest.offset(3)
    let texture = PhantomTexture(seed: chest.scene.acquisition.noiseSeed)
    let box = lung.box(
      middle.distance - 1.7 * radius, middle.y - 1.5 * radius, middle.distance + 1.7 * radius, middle.y + 1.5 * radius)
    paint(box) { index, point in
      let distance = lung.distance(point.x)
      guard distance > 0 else { return }
      let dx = (distance - middle.distance) / (1.15 * radius)
      let dy = (point.y - middle.y) / (0.9 * radius)
      let coarse = texture.value(point.x * 24, point.y * 24)
      let fine = texture.value(point.x * 70 + 9, point.y * 70)
      let edge = (dx * dx + dy * dy).squareRoot() + 0.45 * (coarse - 0.5) + 0.15 * (fine - 0.5)
      let dense = smoothStep((1.3 - edge) / 0.85) * (0.82 + 0.18 * coarse)
      let field = coverage(lung.depth(distance, point.y), softness: 0.012)
      mass[index] += 0.54 * dense * field * min(1, air[index] + 0.15)
    }
  }

  private func paintNodule(_ zone: PhantomZone, _ chest: PhantomChest) {
    let lung = chest.lung(zone.side)
    let middle = center(of: zone, chest, chest.offset(4), chest.offset(5))
    let radius = 0.053 + 0.004 * chest.offset(6)
    paint(lung.box(middle.distance - 0.07, middle.y - 0.07, middle.distance + 0.07, middle.y + 0.07)) { index, point in
      let dx = lung.distance(point.x) - middle.distance
      let dy = point.y - middle.y
      let q = (dx * dx + dy * dy).squareRoot()
      let r = min(1, q / radius)
      let ball = coverage(radius - q, softness: 0.014) * (0.6 + 0.4 * (1 - r * r).squareRoot())
      mass[index] += 0.52 * ball
    }
  }

  private func center(
    of zone: PhantomZone, _ chest: PhantomChest, _ along: Float, _ across: Float
  ) -> (distance: Float, y: Float) {
    let lung = chest.lung(zone.side)
    let fraction: Float
    switch zone.height {
    case .upper: fraction = 0.24
    case .mid: fraction = 0.53
    case .lower: fraction = 0.83
    }
    let y = lung.y(fraction + 0.02 * along)
    let wall = lung.wall(y)
    // Beside the heart the room that is left lies at the wall.
    let besideHeart =
      zone == PhantomZone(.left, .lower) || zone == PhantomZone(.left, .mid) && chest.findings.cardiomegaly
    let near: Float = besideHeart ? 0.75 : 0.64
    return (wall * near + 0.012 * across, y)
  }

  /// Fluid: white below a level that climbs along the wall.
  func paintEffusion(_ chest: PhantomChest) {
    guard let effusion = chest.findings.effusion else { return }
    let lung = chest.lung(effusion.side)
    let level: Float
    let climb: Float
    switch effusion.amount {
    case .small: (level, climb) = (1.07, 0.2)
    case .moderate: (level, climb) = (0.74, 0.16)
    case .large: (level, climb) = (0.34, 0.14)
    }
    let still = lung.y(level + 0.025 * chest.offset(7))
    paint(lung.box(0.02, lung.apex, lung.halfWidth + 0.04, lung.dome + 0.24)) { index, point in
      let distance = lung.distance(point.x)
      guard distance > 0.02 else { return }
      let u = distance / lung.halfWidth
      let surface = still - climb * u * u * u * lung.height * 1.1
      let wet = coverage(point.y - surface, softness: 0.03)
      let field = coverage(lung.wall(point.y) + 0.012 - distance, softness: 0.015) * wet
      guard field > 0 else { return }
      // A little of what lies before and behind the fluid still shows.
      mass[index] += field * 0.86 * (0.8 + 0.05 * u - mass[index]) * min(1, 2 * air[index])
    }
  }
}
