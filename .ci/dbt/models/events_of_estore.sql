select event_id, customer_id, product_id, action, price, occurred_at from {{ source('estore', 'events') }}
