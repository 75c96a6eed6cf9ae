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
    return canvas.radiograph(scene.acquisition)
  }
}
