/// The rule for names of roles, in tokens and in groups of approvers (contract §1, §12).
package enum RoleName {
    /// The longest name, in bytes of UTF-8.
    package static let maximumBytes = 128

    /// Throws unless `name` has 1 to ``maximumBytes`` bytes of UTF-8 and no control character.
    package static func check(_ name: String, field: String) throws(ValidationError) {
        try TextRule.check(name, field: field, maximumBytes: maximumBytes)
    }
}
