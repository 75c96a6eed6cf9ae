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

  /// How far chance moves a finding: random number `index` of the acquisition, from −1 to 1.
  func offset(_ index: Int) -> Float {
    index < scene.acquisition.findingOffsets.count ? Float(scene.acquisition.findingOffsets[index]) : 0
  }
}
