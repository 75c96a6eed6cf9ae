import Foundation

/// Draws scenes.
public enum PhantomRenderer {
  /// The radiograph of a scene: `size × size` grey values, row after row; 0 is black.
  ///
  /// The same scene and size give the same bytes. A size below 16 shows nothing of use and is a programmer's mistake.
  public static func render(_ scene: PhantomScene, size: Int) -> [UInt8] {
    precondition(size >= 16, "a phantom needs at least 16 pixels a side")
    let canvas = PhantomCanvas(size: size, acquisition: scene.acquisition)
    let chest = PhantomChest(scene)
    canvas.paintLungs(chest)
    canvas.paintVessels(chest)
    canvas.paintPneumothorax(chest)
    canvas.paintMediastinum(chest)
    canvas.paintBody(chest)
    canvas.paintSkeleton(chest)
    canvas.paintLungFindings(chest)
    canvas.paintEffusion(chest)
    canvas.paintDevice(chest)
    canvas.paintMarker(scene.view)
    return canvas.developed(scene.acquisition)
  }
}

/// The scene with its two lungs, as the painters need it.
struct PhantomChest {
  let scene: PhantomScene
  let right: PhantomLung
  let left: PhantomLung
  /// Half the width of the heart's shadow.
  let heartHalfWidth: Float

  init(_ scene: PhantomScene) {
    self.scene = scene
    right = PhantomLung(.right, scene: scene)
    left = PhantomLung(.left, scene: scene)
    let anatomy = scene.anatomy
    let ratio = scene.findings.cardiomegaly ? anatomy.enlargedRatio : anatomy.normalRatio
    let magnified = ratio + (scene.view == .ap ? 0.02 : 0)
    heartHalfWidth = Float(magnified * anatomy.lungHalfWidth)
  }

  var findings: PhantomFindings { scene.findings }
  var lungs: [PhantomLung] { [right, left] }
  func lung(_ side: PhantomSide) -> PhantomLung { side == .right ? right : left }

  /// Chance's share in a finding's place: number `index`, from −1 to 1.
  func offset(_ index: Int) -> Float {
    index < scene.acquisition.findingOffsets.count ? Float(scene.acquisition.findingOffsets[index]) : 0
  }
}
