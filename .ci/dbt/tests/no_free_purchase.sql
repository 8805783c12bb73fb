select * from {{ ref('purchases') }} where price < 0
