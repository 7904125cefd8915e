namespace MoBA;

/// <summary>
/// Promises that an <c>int</c> table never decreases with its index, so that a tile's values are bounded by its end points
/// and the keys that hold a value are found by binary search. The promise is checked once a call, in O(length).
/// </summary>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class MonotoneAttribute : Attribute;
