using System;
using MoBA;

namespace Stranger
{
    /// <summary>The last tokens, and every so often one that all later tokens see.</summary>
    [SparseExpert]
    public sealed partial class Beacons
    {
        /// <summary>Tokens of the window.</summary>
        public int Reach { get; init; } = 24;

        /// <summary>Distance of the beacons.</summary>
        public int Step { get; init; } = 10;

        private bool Attends(int q, int k) => q >= k && (q - k < Reach || IsBeacon(k));

        private bool IsBeacon(int k) => k % Step == Math.Min(3, Step - 1);
    }
}
