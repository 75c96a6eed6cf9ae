import Foundation

extension PhantomCanvas {
  /// Air in both lung fields: most in the middle, less towards wall and base.
  func paintLungs(_ chest: PhantomChest) {
    for lung in chest.lungs {
      let box = lung.box(0, lung.apex - 0.02, lung.halfWidth + 0.03, lung.dome + 0.3)
      paint(box) { index, point in
        let distance = lung.distance(point.x)
        guard distance > 0 else { return }
        let depth = lung.depth(distance, point.y)
        let inside = coverage(depth, softness: 0.012)
        guard inside > 0 else { return }
        let thickness = 0.74 + 0.26 * min(1, max(0, depth) / 0.1)
        // Lung behind the dome keeps the upper abdomen from being uniformly white.
        air[index] = inside * thickness
      }
      paint(lung.box(0.02, lung.dome, lung.halfWidth, lung.dome + 0.1)) { index, point in
        let distance = lung.distance(point.x)
        let below = point.y - lung.diaphragm(distance)
        guard distance > 0.03, below > 0, distance < lung.wall(point.y) else { return }
        let behind = 0.16 * max(0, 1 - below / 0.08)
        air[index] = max(air[index], behind * coverage(lung.wall(point.y) - distance, softness: 0.03))
      }
    }
  }

  /// Neck, shoulders, chest wall and what fills the trunk; turns the air painted so far into missing tissue.
  func paintBody(_ chest: PhantomChest) {
    let anatomy = chest.scene.anatomy
    let ap = chest.scene.view == .ap
    let trunk = Float(anatomy.lungHalfWidth + anatomy.wall)
    let shoulder: Float = ap ? 0.60 : 0.56
    let breast = Float(anatomy.breast)
    let texture = PhantomTexture(seed: anatomy.vesselSeed)
    let bubbleX = chest.left.x(0.17)
    let bubbleY = chest.left.dome + 0.06
    let bubble = Float(anatomy.gastricBubble)
    paintAll { index, point in
      let distance = abs(point.x - 0.5)
      let outline = Self.outline(point.y, trunk: trunk, shoulder: shoulder)
      let body = coverage(outline - distance, softness: 0.015)
      guard body > 0 else {
        mass[index] = 0
        air[index] = 0
        return
      }
      let u = min(1, distance / outline)
      let profile = max(0, 1 - u * u).squareRoot()
      let shoulders = 0.62 + 0.38 * smoothStep((point.y - 0.02) / 0.4)
      let grain = texture.value(point.x * 9, point.y * 9) - 0.5
      var tissue = 0.26 + 0.62 * profile * shoulders + 0.05 * grain
      tissue += 0.1 * smoothStep((point.y - chest.right.dome) / 0.2) * profile
      if breast > 0 {
        let bx = (abs(point.x - 0.5) - 0.22) / 0.15
        let by = (point.y - 0.6) / 0.14
        let round = bx * bx + by * by
        if round < 1 { tissue += 0.07 * breast * (1 - round) * smoothStep((by + 1) * 0.8) }
      }
      let gx = (point.x - bubbleX) / (0.085 * bubble)
      let gy = (point.y - bubbleY) / (0.042 * bubble)
      let gas = coverage((1 - (gx * gx + gy * gy).squareRoot()) * 0.04 * bubble, softness: 0.02)
      let below = coverage(point.y - chest.left.diaphragm(point.x - 0.5) - 0.014, softness: 0.01)
      tissue -= 0.3 * gas * below
      mass[index] = body * max(0.03, tissue - 0.52 * air[index] + mass[index])
    }
  }

  private static func outline(_ y: Float, trunk: Float, shoulder: Float) -> Float {
    let neck: Float = 0.15 + 0.3 * max(0, 0.02 - y)
    let top = neck + (shoulder - neck) * smoothStep((y - 0.03) / 0.16).squareRoot()
    return top + (trunk - shoulder) * smoothStep((y - 0.26) / 0.2)
  }
}
