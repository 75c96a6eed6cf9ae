/// How many blocks of threads a kernel gets, in up to three dimensions.
struct LaunchGrid {
  let x: Int, y: Int, z: Int

  init(_ x: Int, _ y: Int = 1, _ z: Int = 1) {
    self.x = x
    self.y = y
    self.z = z
  }

  var isEmpty: Bool { x <= 0 || y <= 0 || z <= 0 }
}
