import Carina

/// All settings of a list, with the defaults of their declarations.
public enum WholeOffer<List: SettingList>: SettingOffer {}
