import CarinaRuntime
import Foundation

extension PhantomCanvas {
  /// The roots of the lungs and the vessels that branch from them and fade towards the wall.
  func paintVessels(_ chest: PhantomChest) {
    for lung in chest.lungs {
      var random = SeededGenerator(seed: chest.scene.anatomy.vesselSeed, stream: "vessels \(lung.side.rawValue)")
      let root = (distance: Float(0.085), y: lung.y(lung.side == .left ? 0.43 : 0.47))
      paintHilum(lung, root.distance, root.y)
      for branch in 0..<11 {
        let angle = -1.35 + 2.75 * (Double(branch) + random.uniform(in: 0.2..<0.8)) / 11
        var from = (
          distance: root.distance + Float(random.uniform(in: -0.015..<0.02)),
          y: root.y + 0.035 * Float(sin(angle)) + Float(random.uniform(in: -0.02..<0.02))
        )
        var width: Float = 0.0085
        var direction = angle
        for step in 0..<4 {
          let length = Float(random.uniform(in: 0.055..<0.085))
          let to = (
            distance: from.distance + length * Float(cos(direction)), y: from.y + length * Float(sin(direction))
          )
          paintVessel(lung, from, to, width, 0.085 - 0.012 * Float(step))
          if step > 0 {
            let fork = direction + (random.uniform() < 0.5 ? 0.6 : -0.6)
            let twig = (
              distance: to.distance + 0.7 * length * Float(cos(fork)), y: to.y + 0.7 * length * Float(sin(fork))
            )
            paintVessel(lung, to, twig, width * 0.6, 0.075 - 0.014 * Float(step))
          }
          from = to
          width *= 0.74
          direction += random.uniform(in: -0.4..<0.4)
        }
      }
    }
  }

  private func paintHilum(_ lung: PhantomLung, _ distance: Float, _ y: Float) {
    paint(lung.box(0, y - 0.1, 0.17, y + 0.12)) { index, point in
      let dx = (lung.distance(point.x) - distance) / 0.042
      let dy = (point.y - y) / 0.075
      mass[index] += 0.16 * max(0, 1 - dx * dx - dy * dy)
    }
  }

  private func paintVessel(
    _ lung: PhantomLung, _ from: (distance: Float, y: Float), _ to: (distance: Float, y: Float), _ half: Float,
    _ strength: Float
  ) {
    let dx = to.distance - from.distance
    let dy = to.y - from.y
    let squared = dx * dx + dy * dy
    // What is thinner than a pixel keeps its total brightness, not its peak.
    let drawn = max(half, 0.5 * pixel)
    let scaled = strength * half / drawn
    let box = lung.box(
      min(from.distance, to.distance) - 0.015, min(from.y, to.y) - 0.015, max(from.distance, to.distance) + 0.015,
      max(from.y, to.y) + 0.015)
    paint(box) { index, point in
      let px = lung.distance(point.x) - from.distance
      let py = point.y - from.y
      let t = min(1, max(0, (px * dx + py * dy) / squared))
      let ox = px - t * dx
      let oy = py - t * dy
      let across = (ox * ox + oy * oy).squareRoot()
      let inside = coverage(drawn - across, softness: 0.005)
      if inside > 0 { mass[index] = max(mass[index], scaled * inside * min(1, air[index] * 1.6)) }
    }
  }
}
